"""Routes that take an API key: the key is checked before anything of the body is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from kova.access.api_key import Scope
from kova.access.subject import Subject, subject_of_key
from kova.web import idempotency
from kova.web.client import address_of, note_verdict
from kova.web.idempotency import IdempotencyHeader
from kova.web.middleware.body_guard import CALLER_IS_KNOWN
from kova.web.request_body import parse_body

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant

    from kova.web.services import AccessServices

BEARER: Final = HTTPBearer(auto_error=False, scheme_name="bearer", description="`kova_…`")
HEADER: Final = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key")


async def admit_by_key(request: Request, scope: Scope) -> Subject:
    """Return who calls, by the key that the head of a request presents.

    Raises:
        UnauthenticatedError, ForbiddenError, RateLimitedError: as kova.access.admit says.
    """
    access: AccessServices = request.app.state.roots["access"]
    address, note = address_of(request), note_verdict(request)
    return subject_of_key(await access.admit.admit(await _presented(request), scope, address, note))


class KeyNeeded:
    """A dependency on who calls: a key with a scope, within its rate limit."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def admit(self, request: Request) -> None:
        """Check the key of a request; raises what admit_by_key does."""
        request.state.subject = await admit_by_key(request, self._scope)
        setattr(request.state, CALLER_IS_KNOWN, True)

    async def __call__(
        self,
        request: Request,
        _bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
        _key: Annotated[str | None, Depends(HEADER)],
    ) -> Subject:
        """Return who calls: KeyedRoute has checked it."""
        subject: Subject = request.state.subject
        return subject


class KeyNeededOnce(KeyNeeded):
    """The same for POST: a repetition with one Idempotency-Key passes only once."""

    async def __call__(
        self,
        request: Request,
        _bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
        _key: Annotated[str | None, Depends(HEADER)],
        idempotency_key: IdempotencyHeader = None,
    ) -> Subject:
        """Return who calls.

        Raises:
            ReplayedAnswer, InvalidInputError, IdempotencyError, IdempotencyInProgressError: as
                kova.web.idempotency.begin says.
        """
        subject: Subject = request.state.subject
        assert subject.key_id is not None
        secret = await _presented(request) or ""
        await idempotency.begin(request, subject.key_id, secret, idempotency_key)
        return subject


async def _presented(request: Request) -> str | None:
    bearer = await BEARER(request)
    return bearer.credentials if bearer else await HEADER(request)


class _ParsedRequest(Request):
    """A request whose body was parsed."""

    parsed: Any = None

    async def json(self) -> Any:
        """Return what parse_body returned."""
        return self.parsed


class KeyedRoute(APIRoute):
    """Checks the key that its KeyNeeded asks for, and only then reads and parses the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of this route."""
        handle = super().get_route_handler()
        needed = _find_needed(self.dependant)
        takes_json = self.body_field is not None

        async def handle_known(request: Request) -> Response:
            if needed is not None:
                await needed.admit(request)
            if not takes_json:
                return await handle(request)
            read = _ParsedRequest(request.scope, request.receive)
            body = await read.body()
            if body:
                read.parsed = await parse_body(body)
            return await handle(read)

        return handle_known


def _find_needed(dependant: Dependant) -> KeyNeeded | None:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, KeyNeeded):
            return dependency.call
    return None


KeyedRouter: Final = partial(APIRouter, route_class=KeyedRoute)
"""A router of such routes."""
