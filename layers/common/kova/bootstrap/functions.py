"""What the HTTP functions' entry points share: the adapter, the roots and the event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from fastapi import APIRouter
from mangum import Mangum

from kova.bootstrap.core import Core
from kova.bootstrap.environment import environment
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova.web.logs import configure_logging

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
Roots = Mapping[str, Callable[[Core], object]]
"""How to build the composition root of each capability, by the name that routes ask for."""


def http_handler(routers: Sequence[APIRouter], roots: Roots) -> Handler:
    """Return a Lambda handler for API Gateway HTTP API events (payload version 2.0).

    The application is built at the first event: importing a function reads no environment.
    """

    @cache
    def core() -> Core:
        variables = environment()
        configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
        return Core(load_settings(variables))

    @cache
    def adapter() -> Mangum:
        app = create_app(core(), build_roots(core(), roots), routers)
        # "off": with "auto" Mangum starts and stops the application at every invocation.
        return Mangum(app, lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        loop = event_loop()
        answer: dict[str, Any] = adapter()(event, context)
        loop.run_until_complete(core().metrics.end_invocation())
        return answer

    return handler


def build_roots(core: Core, roots: Roots) -> dict[str, object]:
    """Return the roots over one core; they open nothing."""
    return {name: build(core) for name, build in roots.items()}
