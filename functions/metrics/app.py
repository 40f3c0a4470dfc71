"""GET /metrics."""

from kova.bootstrap.functions import http_handler
from kova.web.routes import metrics

ROUTERS = (metrics.router,)
handler = http_handler(ROUTERS)
