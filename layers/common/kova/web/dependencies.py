"""What routes ask for: the services, an authenticated key, a page."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from kova.domain.api_key import ApiKey, Scope
from kova.domain.errors import InvalidInputError
from kova.domain.page import PageRequest, Position
from kova.domain.rate_limit import Verdict
from kova.web import idempotency
from kova.web.idempotency import IdempotencyHeader
from kova.web.services import WebServices


def services_of(request: Request) -> WebServices:
    """Return the application's services."""
    services: WebServices = request.app.state.services
    return services


Services = Annotated[WebServices, Depends(services_of)]


BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="`kova_…`")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key")


def address_of(request: Request) -> str:
    """Return where a call comes from, as the server or API Gateway tells it."""
    return request.client.host if request.client else "unknown"


def limited(request: Request) -> Callable[[Verdict], None]:
    """Return what notes the limit's verdict, for the answer's headers."""

    def note(verdict: Verdict) -> None:
        request.state.rate_limit = verdict

    return note


async def authenticate(
    request: Request, scope: Scope, bearer: HTTPAuthorizationCredentials | None, key: str | None
) -> ApiKey:
    """Return the key that a request presents, within its rate limit.

    Raises:
        UnauthenticatedError, ForbiddenError, RateLimitedError: as kova.usecases.admit says.
    """
    services = services_of(request)
    plaintext = bearer.credentials if bearer else key
    return await services.admit.run(plaintext, scope, address_of(request), limited(request))


def needs(scope: Scope) -> Callable[..., Awaitable[ApiKey]]:
    """Return a dependency that lets only keys with a scope pass."""

    async def authenticated(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
        key: Annotated[str | None, Depends(HEADER)],
    ) -> ApiKey:
        return await authenticate(request, scope, bearer, key)

    return authenticated


def once(scope: Scope) -> Callable[..., Awaitable[ApiKey]]:
    """Return a dependency for POST: it lets keys with a scope pass, and a repetition only once."""

    async def claimed(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
        key: Annotated[str | None, Depends(HEADER)],
        idempotency_key: IdempotencyHeader = None,
    ) -> ApiKey:
        known = await authenticate(request, scope, bearer, key)
        await idempotency.begin(request, known, idempotency_key)
        return known

    return claimed


def actor_of(key: ApiKey) -> str:
    """Return how the audit log names the holder of a key."""
    return f"key:{key.prefix}"


def page_request(
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> PageRequest:
    """Read `limit` and `cursor`."""
    return PageRequest(limit=limit, after=decode_cursor(cursor) if cursor else None)


PageQuery = Annotated[PageRequest, Depends(page_request)]


def encode_cursor(position: Position | None) -> str | None:
    """Return the opaque text of a position."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(f"{position.at.isoformat()}|{position.id}".encode()).decode()


def decode_cursor(text: str) -> Position:
    """Read a cursor.

    Raises:
        InvalidInputError: it is not one of ours.
    """
    try:
        at, _, identifier = (
            base64.b64decode(text, altchars=b"-_", validate=True).decode().partition("|")
        )
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError
        return Position(at=moment, id=str(uuid.UUID(identifier)))
    except ValueError as exc:
        raise InvalidInputError("The cursor is not valid.", field="cursor") from exc
