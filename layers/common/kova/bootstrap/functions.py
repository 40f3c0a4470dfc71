"""What the functions' entry points share: the HTTP adapter and the event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from fastapi import APIRouter
from mangum import Mangum

from kova.bootstrap.container import Container
from kova.bootstrap.environment import environment
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova.web.logs import configure_logging

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def http_handler(routers: Sequence[APIRouter]) -> Handler:
    """Return a Lambda handler for API Gateway HTTP API events (payload version 2.0).

    The application is built at the first event: importing a function reads no environment.
    """

    @cache
    def container() -> Container:
        configure_logging()
        return Container(load_settings(environment()))

    @cache
    def adapter() -> Mangum:
        # "off": with "auto" Mangum starts and stops the application at every invocation.
        return Mangum(create_app(container(), routers), lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        loop = event_loop()
        answer: dict[str, Any] = adapter()(event, context)
        loop.run_until_complete(container().metrics.end_invocation())
        return answer

    return handler
