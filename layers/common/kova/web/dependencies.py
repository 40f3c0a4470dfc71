"""What routes ask for: the services, an authenticated key, a page."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator

from kova.access.api_key import Scope
from kova.access.rate_limit import Verdict
from kova.access.subject import Subject, subject_of_key
from kova.shared.exceptions import NotFoundError, RestrictedError
from kova.shared.page import PageRequest, Position
from kova.web import idempotency
from kova.web.idempotency import IdempotencyHeader
from kova.web.services import (
    AccessServices,
    CommandServices,
    ErrorServices,
    FixServices,
    HealthServices,
    IntakeServices,
    MetricsServices,
    NoticeServices,
    Process,
    ReportServices,
    ScanServices,
    SetupServices,
    SlackServices,
    UsageServices,
)

CURSOR_PATTERN: Final = r"^[0-9a-f]{46}$"
_ID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _canonical_id(text: str) -> str:
    """Return an id as it is stored and written down.

    Raises:
        NotFoundError: no id looks like this.
    """
    if not _ID.fullmatch(text):
        raise NotFoundError
    return text.lower()


PathId = Annotated[str, Path(), AfterValidator(_canonical_id)]
"""The id in a path."""


def capability(name: str) -> Callable[[Request], Awaitable[Any]]:
    """Return a dependency on the capability of a name: what its composition root offers.

    Dependencies are coroutines: FastAPI runs plain functions in a thread, which a cold start would
    wait for.
    """

    async def provide(request: Request) -> Any:
        return request.app.state.roots[name]

    return provide


Access = Annotated[AccessServices, Depends(capability("access"))]
Commands = Annotated[CommandServices, Depends(capability("commands"))]
Errors = Annotated[ErrorServices, Depends(capability("errors"))]
Fixes = Annotated[FixServices, Depends(capability("fixes"))]
Health = Annotated[HealthServices, Depends(capability("health"))]
Intake = Annotated[IntakeServices, Depends(capability("intake"))]
Metrics = Annotated[MetricsServices, Depends(capability("metrics"))]
Reports = Annotated[ReportServices, Depends(capability("reports"))]
Scans = Annotated[ScanServices, Depends(capability("scans"))]
Notices = Annotated[NoticeServices, Depends(capability("notices"))]
Slack = Annotated[SlackServices, Depends(capability("slack"))]
Setup = Annotated[SetupServices, Depends(capability("setup"))]
Usage = Annotated[UsageServices, Depends(capability("usage"))]


def process_of(request: Request) -> Process:
    """Return the process that the application runs in."""
    process: Process = request.app.state.process
    return process


BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="`kova_…`")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key")


def address_of(request: Request) -> str:
    """Return where a call comes from, as the server or API Gateway tells it."""
    return request.client.host if request.client else "unknown"


def limited(request: Request) -> Callable[[Verdict], None]:
    """Return what notes the limit's verdict, for the answer's headers."""

    def note(verdict: Verdict) -> None:
        request.state.rate_limit = verdict
        if not verdict.allowed:
            process_of(request).meter.count("kova_rate_limited_total", policy=verdict.policy.name)

    return note


async def authenticate(
    request: Request, scope: Scope, bearer: HTTPAuthorizationCredentials | None, key: str | None
) -> Subject:
    """Return who calls by the key that a request presents, within its rate limit.

    Raises:
        UnauthenticatedError, ForbiddenError, RateLimitedError: as kova.access.admit says.
    """
    access: AccessServices = request.app.state.roots["access"]
    plaintext = bearer.credentials if bearer else key
    admitted = await access.admit.admit(plaintext, scope, address_of(request), limited(request))
    return subject_of_key(admitted)


def needs(scope: Scope) -> Callable[..., Awaitable[Subject]]:
    """Return a dependency that lets only keys with a scope pass."""

    async def authenticated(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
        key: Annotated[str | None, Depends(HEADER)],
    ) -> Subject:
        return await authenticate(request, scope, bearer, key)

    return authenticated


def once(scope: Scope) -> Callable[..., Awaitable[Subject]]:
    """Return a dependency for POST: it lets keys with a scope pass, and a repetition only once."""

    async def claimed(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
        key: Annotated[str | None, Depends(HEADER)],
        idempotency_key: IdempotencyHeader = None,
    ) -> Subject:
        subject = await authenticate(request, scope, bearer, key)
        assert subject.key_id is not None
        secret = (bearer.credentials if bearer else key) or ""
        await idempotency.begin(request, subject.key_id, secret, idempotency_key)
        return subject

    return claimed


async def page_request(
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=CURSOR_PATTERN, description="`next_cursor` of the page before.")
    ] = None,
) -> PageRequest:
    """Read `limit` and `cursor`."""
    return PageRequest(limit=limit, after=decode_cursor(cursor) if cursor else None)


def require_everything(subject: Subject) -> None:
    """Check that a subject is not restricted to some repositories.

    Raises:
        RestrictedError: it is.
    """
    if not subject.reach.is_everything:
        raise RestrictedError


PageQuery = Annotated[PageRequest, Depends(page_request)]


def encode_cursor(position: Position | None) -> str | None:
    """Return the opaque text of a position: microseconds and id, in hexadecimal."""
    if position is None:
        return None
    microseconds = (position.at - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds:014x}{uuid.UUID(position.id).hex}"


def decode_cursor(text: str) -> Position:
    """Read a cursor of CURSOR_PATTERN: every such text is a position."""
    moment = _EPOCH + timedelta(microseconds=int(text[:14], 16))
    return Position(at=moment, id=str(uuid.UUID(text[14:])))
