"""Errors of the watched repositories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from kova.domain.api_key import Scope
from kova.domain.error import ErrorStatus
from kova.domain.errors import NotFoundError
from kova.domain.finding import Severity
from kova.ports.stores import ErrorFilter
from kova.web.dependencies import PageQuery, Services, encode_cursor, needs
from kova.web.schemas import ErrorView, ListOf, Problem

router = APIRouter(tags=["errors"], dependencies=[Depends(needs(Scope.READ))])


@router.get("/api/errors")
async def list_errors(  # noqa: PLR0917 (the query's parameters)
    services: Services,
    page: PageQuery,
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
    found = await services.stores.errors.page(page, filters)
    return ListOf(
        items=[ErrorView.of(error) for error in found.items],
        next_cursor=encode_cursor(found.next),
    )


@router.get("/api/errors/{error_id}", responses={404: {"model": Problem}})
async def get_error(error_id: str, services: Services) -> ErrorView:
    """Show one error."""
    error = await services.stores.errors.get(error_id)
    if error is None:
        raise NotFoundError("There is no such error.")
    return ErrorView.of(error)
