"""How the OpenAPI document describes problem responses; routes name the statuses that they have.

Plain schemas, not models: FastAPI would build a serializer for each status of each route when a
function starts, for answers that no route makes.
"""

from __future__ import annotations

from typing import Any, Final

from kova.web.problem_table import MEDIA_TYPE

_TITLES: Final = {
    400: "The cursor, the JSON or another part of the request cannot be read.",
    401: "A valid API key, signature or token is needed.",
    403: "The API key lacks the scope.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "The state of the thing does not allow this, or the first request with this"
    " Idempotency-Key is still being answered.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Fields are not valid, or the Idempotency-Key stands for another request.",
    429: "Too many calls; `Retry-After` tells the seconds to wait.",
    502: "The model's answer is of no use; what it was is in `reason`.",
    503: "A service that this needs does not answer; `Retry-After` tells the seconds to wait.",
}
_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of problem responses."""
    return {
        status: {"description": _TITLES[status], "content": _PROBLEM} for status in sorted(statuses)
    }


READS: Final = problems(400, 401, 403, 422, 429, 503)
WRITES: Final = problems(400, 401, 403, 408, 409, 413, 415, 422, 429, 503)
