"""Every function's routes in one application."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

import functions.ai_command.app
import functions.api.app
import functions.docs.app
import functions.health.app
import functions.metrics.app
from kova.bootstrap.container import Container
from kova.bootstrap.scan_worker import NEEDED, NEEDED_IN_PRODUCTION
from kova.bootstrap.settings import Settings
from kova.web.app import create_app
from kova.web.routes import webhooks

__all__ = ["NEEDED", "NEEDED_IN_PRODUCTION", "application"]
ROUTERS: tuple[APIRouter, ...] = (
    *functions.api.app.ROUTERS,
    *functions.ai_command.app.ROUTERS,
    webhooks.router,
    *functions.health.app.ROUTERS,
    *functions.metrics.app.ROUTERS,
    *functions.docs.app.ROUTERS,
)


def application(settings: Settings) -> FastAPI:
    """Build the server's application."""
    return create_app(Container(settings), ROUTERS)
