"""Errors as Google's APIs answer them: https://cloud.google.com/apis/design/errors."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse, Response

_CODES: Final = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}


class GoogleApiError(Exception):
    """A refusal: Google's word for the status, the message, and its details."""

    def __init__(self, status: str, message: str, *details: dict[str, Any]) -> None:
        self.status = status
        self.message = message
        self.details = details
        super().__init__(f"{status}: {message}")

    def response(self) -> Response:
        """Return the answer."""
        code = _CODES[self.status]
        error = {"code": code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        return JSONResponse({"error": error}, code)


def invalid(message: str) -> GoogleApiError:
    """Return the refusal of an argument."""
    return GoogleApiError("INVALID_ARGUMENT", message)


def unknown_name(name: str, path: str) -> GoogleApiError:
    """Return the refusal of a field that a message does not have."""
    place = f" at '{path}'" if path else ""
    text = f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'
    violation = {"description": text, **({"field": path} if path else {})}
    details = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [violation],
    }
    return GoogleApiError("INVALID_ARGUMENT", text, details)


def with_reason(status: str, message: str, reason: str) -> GoogleApiError:
    """Return a refusal with google.rpc.ErrorInfo."""
    details = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "sheets.googleapis.com"},
    }
    return GoogleApiError(status, message, details)
