"""One OpenAPI 3.1 document over all functions; `openapi.json` beside this file is its export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.utils import get_openapi

from kova.access.idempotency import KEY_PATTERN
from kova.version import VERSION
from kova.web.schemas.base import Problem

_DESCRIPTION: Final = """\
Kova finds errors in GitHub repositories, keeps the life of each one, and proves a fix before anyone
sees it.

Every error is an RFC 9457 problem. Every answer carries `X-Request-Id`; answers to a key carry
`RateLimit` and `RateLimit-Policy`. A POST with an `Idempotency-Key` is done once. Lists take
`limit` and the `cursor` that the page before gave as `next_cursor`."""
_ONCE: Final = ("/api/", "/ai/")
_TAKES_KEY: Final = "\n\nTakes an `Idempotency-Key` (`#/components/parameters/IdempotencyKey`)."
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeat the request with the same key and body: it is done once, and the first"
    " answer comes again, with `Idempotency-Replayed: true`. The same key with another body is"
    " refused (422).",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
_TAGS: Final = [
    {"name": "scans", "description": "Ask for a scan, look at scans."},
    {"name": "errors", "description": "Errors and their life."},
    {"name": "fixes", "description": "Fixes and their proofs."},
    {"name": "repositories", "description": "Watched repositories and their settings."},
    {"name": "keys", "description": "API keys, usage and the audit log."},
    {"name": "ai", "description": "Commands to the models, and what was asked."},
    {"name": "notices", "description": "What people were told in chats."},
    {"name": "webhooks", "description": "What GitHub and Slack send."},
    {"name": "service", "description": "Health, metrics and this document."},
]


def document(routers: Sequence[APIRouter]) -> dict[str, Any]:
    """Build the document of these routers."""
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    built = get_openapi(
        title="Kova",
        version=VERSION,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=_TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    for path, operations in built["paths"].items():
        for method, operation in operations.items():
            _complete(operation)
            if method == "post" and path.startswith(_ONCE):
                operation["description"] += _TAKES_KEY
    built["components"]["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_KEY}
    schemas = built["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= _problem_schemas()
    built["components"]["schemas"] = dict(sorted(schemas.items()))
    return built


def _problem_schemas() -> dict[str, Any]:
    """Return the schemas of Problem and of what it consists of."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    # Without nulls, as FastAPI writes the schemas of its own.
    schemas: dict[str, Any] = jsonable_encoder(
        {**schema.pop("$defs"), "Problem": schema}, exclude_none=True
    )
    return schemas


def _complete(operation: dict[str, Any]) -> None:
    """Name the headers of every answer."""
    for status, response in operation["responses"].items():
        response["headers"] = {"X-Request-Id": _header("The id of this request.")} | (
            {"Retry-After": _header("Seconds to wait.")} if status in {"429", "503"} else {}
        )


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}
