"""Every function's routes in one application."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI

import functions.ai_command.app
import functions.api.app
import functions.health.app
from kova.bootstrap.container import Container
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova.web.routes import webhooks

NEEDED = ("KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL")


def application(environment: Mapping[str, str]) -> FastAPI:
    """Build the server's application.

    Raises:
        SettingsError: its message lists every setting that is missing or not valid.
    """
    routers = (
        *functions.health.app.ROUTERS,
        *functions.api.app.ROUTERS,
        *functions.ai_command.app.ROUTERS,
        webhooks.router,
    )
    return create_app(Container(load_settings(environment, needed=NEEDED)), routers)
