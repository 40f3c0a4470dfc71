"""What routes ask for: the services, an authenticated key, a page."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Query, Request

from kova.domain.api_key import ApiKey, Scope
from kova.domain.errors import InvalidInputError
from kova.domain.page import PageRequest, Position
from kova.web.services import WebServices


def services_of(request: Request) -> WebServices:
    """Return the application's services."""
    services: WebServices = request.app.state.services
    return services


Services = Annotated[WebServices, Depends(services_of)]


def needs(scope: Scope) -> Callable[..., Awaitable[ApiKey]]:
    """Return a dependency that lets only keys with a scope pass."""

    async def authenticated(
        services: Services,
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        x_api_key: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> ApiKey:
        kind, _, credentials = (authorization or "").partition(" ")
        bearer = credentials.strip() if kind.lower() == "bearer" else None
        return await services.authenticate.run(bearer or x_api_key, scope)

    return authenticated


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
