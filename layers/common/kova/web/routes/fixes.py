"""Fixes and their proofs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from kova.domain.api_key import Scope
from kova.domain.errors import NotFoundError
from kova.domain.fix import FixStatus
from kova.web.dependencies import PageQuery, Services, encode_cursor, needs
from kova.web.openapi import READS, problems
from kova.web.schemas import FixView, ListOf

router = APIRouter(tags=["fixes"], dependencies=[Depends(needs(Scope.READ))], responses=READS)


@router.get("/api/fixes")
async def list_fixes(
    services: Services,
    page: PageQuery,
    repository: Annotated[str | None, Query(max_length=140)] = None,
    status: FixStatus | None = None,
) -> ListOf[FixView]:
    """List fixes, newest first."""
    found = await services.stores.fixes.page(page, repository, status)
    return ListOf(
        items=[FixView.of(fix) for fix in found.items], next_cursor=encode_cursor(found.next)
    )


@router.get("/api/fixes/{fix_id}", responses=problems(404))
async def get_fix(fix_id: str, services: Services) -> FixView:
    """Show one fix."""
    fix = await services.stores.fixes.get(fix_id)
    if fix is None:
        raise NotFoundError("There is no such fix.")
    return FixView.of(fix)
