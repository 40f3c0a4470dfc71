"""Everything below /api. A start imports only the part that its path asks for."""

from typing import Final

from kova.bootstrap.access import AccessRoot
from kova.bootstrap.functions import Endpoints, Load, http_handler_by_path


def load_scans() -> Endpoints:
    """Scans, and their findings as SARIF."""
    from kova.bootstrap.scans import ScanRoot
    from kova.web.routes import sarif, scans

    routers = (scans.request_router, scans.router, sarif.router)
    return Endpoints(routers=routers, roots={"access": AccessRoot, "scans": ScanRoot})


def load_errors() -> Endpoints:
    """Errors."""
    from kova.bootstrap.errors import ErrorRoot
    from kova.web.routes import errors

    roots = {"access": AccessRoot, "errors": ErrorRoot}
    return Endpoints(routers=(errors.router,), roots=roots)


def load_fixes() -> Endpoints:
    """Fixes, and their publication."""
    from kova.bootstrap.fixes import FixRoot
    from kova.web.routes import fixes

    routers = (fixes.router, fixes.publish_router)
    return Endpoints(routers=routers, roots={"access": AccessRoot, "fixes": FixRoot})


def load_repositories() -> Endpoints:
    """Repositories and their settings."""
    from kova.bootstrap.scans import ScanRoot
    from kova.web.routes import repositories

    roots = {"access": AccessRoot, "scans": ScanRoot}
    return Endpoints(routers=(repositories.router,), roots=roots)


def load_keys() -> Endpoints:
    """API keys, the audit log, and what commands cost."""
    from kova.bootstrap.usage import UsageRoot
    from kova.web.routes import keys

    return Endpoints(routers=(keys.router,), roots={"access": AccessRoot, "usage": UsageRoot})


def load_notices() -> Endpoints:
    """What people were told."""
    from kova.bootstrap.chat.notice_list import NoticeListRoot
    from kova.web.routes import notices

    roots = {"access": AccessRoot, "notices": NoticeListRoot}
    return Endpoints(routers=(notices.router,), roots=roots)


PARTS: Final[dict[str, Load]] = {
    "/api/scan": load_scans,
    "/api/scans": load_scans,
    "/api/errors": load_errors,
    "/api/fixes": load_fixes,
    "/api/repositories": load_repositories,
    "/api/keys": load_keys,
    "/api/audit": load_keys,
    "/api/usage": load_keys,
    "/api/notices": load_notices,
}


def load_all() -> Endpoints:
    """All of them."""
    parts = [load() for load in dict.fromkeys(PARTS.values())]
    return Endpoints(
        routers=tuple(router for part in parts for router in part.routers),
        roots={name: root for part in parts for name, root in part.roots.items()},
    )


handler = http_handler_by_path(PARTS, load_all)
