"""POST /api/scan and the read API."""

from kova.bootstrap.functions import http_handler
from kova.web.routes import errors, fixes, repositories, sarif, scans

ROUTERS = (
    scans.request_router,
    scans.router,
    sarif.router,
    errors.router,
    fixes.router,
    repositories.router,
)
handler = http_handler(ROUTERS)
