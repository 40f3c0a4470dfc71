"""POST /api/scan and everything else below /api."""

from kova.bootstrap.functions import http_handler
from kova.web.routes import errors, fixes, keys, repositories, sarif, scans

ROUTERS = (
    scans.request_router,
    scans.router,
    sarif.router,
    errors.router,
    fixes.router,
    fixes.publish_router,
    repositories.router,
    keys.router,
)
handler = http_handler(ROUTERS)
