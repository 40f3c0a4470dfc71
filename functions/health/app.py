"""GET /health."""

from kova.bootstrap.functions import http_handler
from kova.bootstrap.health import HealthRoot
from kova.web.routes import health

ROUTERS = (health.router,)
ROOTS = {"health": HealthRoot}
handler = http_handler(ROUTERS, ROOTS)
