"""Errors of the watched repositories."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.errors.error import ErrorStatus
from kova.errors.ports import ErrorFilter
from kova.shared.exceptions import NotFoundError
from kova.shared.severity import Severity
from kova.web.dependencies import Errors, PageQuery, PathId, encode_cursor
from kova.web.keyed_route import KeyedRouter, KeyNeeded
from kova.web.responses import READS, WRITES, problems
from kova.web.schemas.base import ListOf
from kova.web.schemas.errors import ErrorChange, ErrorView, OpenError

router = KeyedRouter(tags=["errors"])
Reader = Annotated[Subject, Depends(KeyNeeded(Scope.READ))]


@router.get("/api/errors", responses=READS)
async def list_errors(  # noqa: PLR0917 (the query's parameters)
    errors: Errors,
    page: PageQuery,
    reader: Reader,
    repository: Annotated[str | None, Query(max_length=140)] = None,
    status: ErrorStatus | None = None,
    severity: Severity | None = None,
    analyzer: Annotated[str | None, Query(max_length=40)] = None,
    rule: Annotated[str | None, Query(max_length=80)] = None,
    path: Annotated[str | None, Query(max_length=4096)] = None,
) -> ListOf[ErrorView]:
    """List errors, newest first."""
    filters = ErrorFilter(
        repository=repository,
        status=status,
        severity=severity,
        analyzer=analyzer,
        rule=rule,
        path=path,
    )
    errors_page = await errors.errors.page(page, filters, reader.reach)
    return ListOf(
        items=[ErrorView.of(error) for error in errors_page.items],
        next_cursor=encode_cursor(errors_page.next),
    )


@router.get("/api/errors/{error_id}", responses=READS | problems(404))
async def get_error(error_id: PathId, errors: Errors, reader: Reader) -> ErrorView:
    """Show one error."""
    error = await errors.errors.get(error_id, reader.reach)
    if error is None:
        raise NotFoundError("There is no such error.")
    return ErrorView.of(error)


@router.patch("/api/errors/{error_id}", responses=WRITES | problems(404))
async def change_error(
    error_id: PathId,
    body: ErrorChange,
    errors: Errors,
    subject: Annotated[Subject, Depends(KeyNeeded(Scope.SCAN))],
) -> ErrorView:
    """Ignore an error with a reason, for good or until a time, or open it again."""
    actor, reach = subject.actor, subject.reach
    if isinstance(body, OpenError):
        return ErrorView.of(await errors.change_error.open(error_id, actor=actor, reach=reach))
    return ErrorView.of(
        await errors.change_error.ignore(
            error_id, reason=body.reason, until=body.until, actor=actor, reach=reach
        )
    )
