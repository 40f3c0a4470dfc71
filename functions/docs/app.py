"""GET /docs and GET /openapi.json."""

from kova.bootstrap.functions import http_handler
from kova.web.routes import docs

ROUTERS = (docs.router,)
handler = http_handler(ROUTERS)
