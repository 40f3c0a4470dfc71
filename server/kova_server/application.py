"""Every function's routes in one application."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, FastAPI

import functions.ai_command.app
import functions.api.app
import functions.docs.app
import functions.health.app
import functions.metrics.app
from kova.bootstrap.container import Container
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova.web.routes import webhooks

NEEDED = ("KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL")
ROUTERS: tuple[APIRouter, ...] = (
    *functions.api.app.ROUTERS,
    *functions.ai_command.app.ROUTERS,
    webhooks.router,
    *functions.health.app.ROUTERS,
    *functions.metrics.app.ROUTERS,
    *functions.docs.app.ROUTERS,
)


def application(environment: Mapping[str, str]) -> FastAPI:
    """Build the server's application.

    Raises:
        SettingsError: its message lists every setting that is missing or not valid.
    """
    return create_app(Container(load_settings(environment, needed=NEEDED)), ROUTERS)
