"""What routes ask for: the services, a page of a list."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator

from kova.access.subject import Subject
from kova.shared.exceptions import NotFoundError, RestrictedError
from kova.shared.page import PageRequest, Position
from kova.web.services import (
    AccessServices,
    CommandServices,
    ErrorServices,
    FixServices,
    HealthServices,
    IntakeServices,
    MetricsServices,
    NoticeServices,
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
