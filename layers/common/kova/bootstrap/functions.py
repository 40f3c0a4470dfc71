"""What the HTTP functions' entry points share: the adapter, the roots and the event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Routes, and the roots that they ask for."""

    routers: Sequence[APIRouter]
    roots: Roots


Load = Callable[[], Endpoints]
"""Imports endpoints."""


def http_handler(routers: Sequence[APIRouter], roots: Roots) -> Handler:
    """Return a Lambda handler for API Gateway HTTP API events (payload version 2.0).

    The application is built at the first event: importing a function reads no environment.
    """
    endpoints = Endpoints(routers=routers, roots=roots)
    return http_handler_by_path({}, lambda: endpoints)


def http_handler_by_path(parts: Mapping[str, Load], load_all: Load) -> Handler:
    """Return a Lambda handler that loads the part of its endpoints that is asked for.

    Args:
        parts: what to load for a path, by its first two segments (`/api/errors`).
        load_all: loads what answers all other paths.
    """

    @cache
    def core() -> Core:
        variables = environment()
        configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
        return Core(load_settings(variables))

    @cache
    def adapter(load: Load) -> Mangum:
        endpoints = load()
        app = create_app(core(), build_roots(core(), endpoints.roots), endpoints.routers)
        # "off": with "auto" Mangum starts and stops the application at every invocation.
        return Mangum(app, lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        loop = event_loop()
        beginning = "/".join(event.get("rawPath", "").split("/", 3)[:3])
        answer: dict[str, Any] = adapter(parts.get(beginning, load_all))(event, context)
        loop.run_until_complete(core().metrics.end_invocation())
        return answer

    return handler


def build_roots(core: Core, roots: Roots) -> dict[str, object]:
    """Return the roots over one core; they open nothing."""
    return {name: build(core) for name, build in roots.items()}
