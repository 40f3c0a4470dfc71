"""The server's application: the routes of all functions."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, FastAPI

import functions.ai_command.app
import functions.api.app
import functions.auth.app
import functions.dashboard.app
import functions.health.app
import functions.metrics.app
import functions.reports.app
import functions.setup.app
from kova.bootstrap.chat.slack_intake import SlackRoot
from kova.bootstrap.core import Core
from kova.bootstrap.functions import Roots, build_roots
from kova.bootstrap.intake import IntakeRoot
from kova.bootstrap.settings import Settings
from kova.bootstrap.workers.scan_worker import NEEDED
from kova.bootstrap.workers.scan_worker import NEEDED_IN_PRODUCTION as NEEDED_BY_SCANS
from kova.web.app import create_app
from kova.web.routes import docs, webhooks

__all__ = ["NEEDED", "NEEDED_IN_PRODUCTION", "application"]
# Sessions of people and of models, and remembered keys, are read from Redis here.
NEEDED_IN_PRODUCTION: Final = (*NEEDED_BY_SCANS, "KOVA_SIGNING_KEY")
_API = functions.api.app.load_all()
_PAGES = functions.dashboard.app.load_all()
ROUTERS: tuple[APIRouter, ...] = (
    *_API.routers,
    *functions.ai_command.app.ROUTERS,
    webhooks.router,
    *functions.auth.app.ROUTERS,
    *functions.health.app.ROUTERS,
    *functions.metrics.app.ROUTERS,
    *functions.setup.app.ROUTERS,
    docs.router,
    *functions.reports.app.ROUTERS,
    *_PAGES.routers,
)


ROOTS: Final[Roots] = {
    **_API.roots,
    **_PAGES.roots,
    **functions.ai_command.app.ROOTS,
    "intake": IntakeRoot,
    "slack": SlackRoot,
    **functions.auth.app.ROOTS,
    **functions.health.app.ROOTS,
    **functions.metrics.app.ROOTS,
    **functions.reports.app.ROOTS,
    **functions.setup.app.ROOTS,
}


def application(settings: Settings) -> FastAPI:
    """Build the server's application."""
    core = Core(settings)
    return create_app(core, build_roots(core, ROOTS), ROUTERS)
