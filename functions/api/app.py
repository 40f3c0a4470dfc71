"""POST /api/scan and everything else below /api."""

from kova.bootstrap.access import AccessRoot
from kova.bootstrap.errors import ErrorRoot
from kova.bootstrap.fixes import FixRoot
from kova.bootstrap.functions import http_handler
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.usage import UsageRoot
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
ROOTS = {
    "access": AccessRoot,
    "errors": ErrorRoot,
    "fixes": FixRoot,
    "scans": ScanRoot,
    "usage": UsageRoot,
}
handler = http_handler(ROUTERS, ROOTS)
