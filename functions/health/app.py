"""GET /health."""

from kova.bootstrap.functions import http_handler
from kova.web.routes import health

ROUTERS = (health.router,)
handler = http_handler(ROUTERS)
