"""GitHub's error answers."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

_DOCS = "https://docs.github.com/rest"


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **extra, "documentation_url": _DOCS, "status": str(status)}

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self.body, status_code=self.status)


def not_found() -> ApiError:
    """Return the error about something that does not exist or may not be seen."""
    return ApiError(404, "Not Found")


def invalid_request(problem: str) -> ApiError:
    """Return the error about a body that does not fit the schema."""
    return ApiError(422, f"Invalid request.\n\n{problem}")


def validation_failed(
    resource: str, code: str, field: str | None = None, message: str | None = None
) -> ApiError:
    """Return the error about a body that does not fit the state."""
    error: dict[str, str] = {"resource": resource, "code": code}
    if field:
        error["field"] = field
    if message:
        error["message"] = message
    return ApiError(422, "Validation Failed", errors=[error])
