"""One OpenAPI 3.1 document over all functions; `openapi.json` beside this file is its export."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from kova.access.idempotency import KEY_PATTERN
from kova.version import VERSION
from kova.web.schemas.base import Problem

PROBLEM_JSON: Final = "application/problem+json"
_DESCRIPTION: Final = """\
Kova finds errors in GitHub repositories, keeps the life of each one, and proves a fix before anyone
sees it.

Every error is an RFC 9457 problem. Every answer carries `X-Request-Id`; answers to a key carry
`RateLimit` and `RateLimit-Policy`. A POST with an `Idempotency-Key` is done once. Lists take
`limit` and the `cursor` that the page before gave as `next_cursor`."""
_TITLES: Final = {
    400: "The cursor, the JSON or another part of the request cannot be read.",
    401: "A valid API key, signature or token is needed.",
    403: "The API key lacks the scope.",
    404: "There is no such thing.",
    409: "The state of the thing does not allow this, or the first request with this"
    " Idempotency-Key is still being answered.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Fields are not valid, or the Idempotency-Key stands for another request.",
    429: "Too many calls; `Retry-After` tells the seconds to wait.",
    502: "The model's answer is of no use; what it was is in `reason`.",
    503: "A service that this needs does not answer; `Retry-After` tells the seconds to wait.",
}
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
    {"name": "webhooks", "description": "What GitHub sends."},
    {"name": "service", "description": "Health, metrics and this document."},
]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of problem responses."""
    return {
        status: {"model": Problem, "description": _TITLES[status]} for status in sorted(statuses)
    }


READS: Final = problems(400, 401, 403, 422, 429, 503)
WRITES: Final = problems(400, 401, 403, 409, 413, 415, 422, 429, 503)


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
    for name in ("HTTPValidationError", "ValidationError"):
        built["components"]["schemas"].pop(name, None)
    return built


def exported() -> bytes:
    """Return the exported document."""
    return (files("kova.web") / "openapi.json").read_bytes()


def _complete(operation: dict[str, Any]) -> None:
    """Name the media type of problems and the headers of every answer."""
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if schema.get("$ref", "").endswith("/Problem"):
            response["content"] = {PROBLEM_JSON: content["application/json"]}
        response["headers"] = {"X-Request-Id": _header("The id of this request.")} | (
            {"Retry-After": _header("Seconds to wait.")} if status in {"429", "503"} else {}
        )


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}
