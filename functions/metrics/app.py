"""GET /metrics."""

from kova.bootstrap.access import AccessRoot
from kova.bootstrap.functions import http_handler
from kova.bootstrap.metrics import MetricsRoot
from kova.web.routes import metrics

ROUTERS = (metrics.router,)
ROOTS = {"access": AccessRoot, "metrics": MetricsRoot}
handler = http_handler(ROUTERS, ROOTS)
