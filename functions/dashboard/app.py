"""GET / and /ui: the pages for people. A start imports models only where a question is asked."""

from typing import Final

from kova.bootstrap.access import AccessRoot
from kova.bootstrap.errors import ErrorRoot
from kova.bootstrap.fixes import FixRoot
from kova.bootstrap.functions import Endpoints, Load, http_handler_by_path
from kova.bootstrap.pages import PagesRoot
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.usage import UsageRoot
from kova.web.dashboard import routes

_ROOTS: Final = {
    "access": AccessRoot,
    "errors": ErrorRoot,
    "fixes": FixRoot,
    "pages": PagesRoot,
    "people": PeopleRoot,
    "scans": ScanRoot,
    "usage": UsageRoot,
}


def load_pages() -> Endpoints:
    """All pages but the one that asks models."""
    return Endpoints(routers=routes.ROUTERS, roots=_ROOTS)


def load_ask() -> Endpoints:
    """The page that asks models."""
    from kova.bootstrap.commands import CommandRoot
    from kova.web.dashboard import ask

    return Endpoints(
        routers=(ask.router, routes.rest_router), roots={**_ROOTS, "commands": CommandRoot}
    )


PARTS: Final[dict[str, Load]] = {"/ui/ask": load_ask}


def load_all() -> Endpoints:
    """All of them."""
    pages, ask = load_pages(), load_ask()
    return Endpoints(
        routers=(*ask.routers[:-1], *pages.routers), roots={**pages.roots, **ask.roots}
    )


handler = http_handler_by_path(PARTS, load_pages)
