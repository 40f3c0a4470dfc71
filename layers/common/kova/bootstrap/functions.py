"""What the HTTP functions' entry points share: the adapter, the roots and the event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from mangum import Mangum

from kova.bootstrap import begin_start, end_start
from kova.bootstrap.core import Core
from kova.bootstrap.environment import FromEnvironment
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.settings import load_settings
from kova.shared.exceptions import KovaError
from kova.web.app import create_app
from kova.web.gateway import GatewayRequest, answer_problem
from kova.web.logs import configure_logging

_LOG: Final = logging.getLogger("kova.function")
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
    process = FromEnvironment(_FunctionProcess, _FunctionProcess.close)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            current = process()
        except KovaError as exc:
            _LOG.error("the function cannot start: %s", exc)
            return answer_problem(GatewayRequest.of(event), exc)
        beginning = "/".join(event.get("rawPath", "").split("/", 3)[:3])
        return current.answer(parts.get(beginning, load_all), event, context)

    return handler


class _FunctionProcess:
    """A core, and the applications over it by how their endpoints are loaded."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
        self._core = Core(load_settings(variables))
        self._adapters: dict[Load, Mangum] = {}

    def answer(self, load: Load, event: dict[str, Any], context: Any) -> dict[str, Any]:
        loop = event_loop()
        answer: dict[str, Any] = self._adapter(load)(event, context)
        loop.run_until_complete(self._core.metrics.end_invocation())
        end_start()
        return answer

    def _adapter(self, load: Load) -> Mangum:
        if load not in self._adapters:
            begin_start()
            endpoints = load()
            roots = build_roots(self._core, endpoints.roots)
            app = create_app(self._core, roots, endpoints.routers)
            # "off": with "auto" Mangum starts and stops the application at every invocation.
            self._adapters[load] = Mangum(app, lifespan="off")
        return self._adapters[load]

    def close(self) -> None:
        event_loop().run_until_complete(self._core.close())


def build_roots(core: Core, roots: Roots) -> dict[str, object]:
    """Return the roots over one core; they open nothing."""
    return {name: build(core) for name, build in roots.items()}
