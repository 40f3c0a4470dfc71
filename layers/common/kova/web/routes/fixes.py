"""Fixes and their proofs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.fixes.fix import FixStatus
from kova.shared.exceptions import NotFoundError
from kova.web.dependencies import Fixes, PageQuery, PathId, encode_cursor
from kova.web.keyed_route import KeyedRouter, KeyNeeded, KeyNeededOnce
from kova.web.responses import READS, WRITES, problems
from kova.web.schemas.base import ListOf
from kova.web.schemas.fixes import FixView, QueuedFix

publish_router = KeyedRouter(tags=["fixes"])
router = KeyedRouter(tags=["fixes"], responses=READS)
Reader = Annotated[Subject, Depends(KeyNeeded(Scope.READ))]


@router.get("/api/fixes")
async def list_fixes(
    fixes: Fixes,
    page: PageQuery,
    reader: Reader,
    repository: Annotated[str | None, Query(max_length=140)] = None,
    status: FixStatus | None = None,
) -> ListOf[FixView]:
    """List fixes, newest first."""
    fixes_page = await fixes.fixes.page(page, repository, status, reader.reach)
    return ListOf(
        items=[FixView.of(fix) for fix in fixes_page.items],
        next_cursor=encode_cursor(fixes_page.next),
    )


@publish_router.post(
    "/api/fixes/{fix_id}/publish", status_code=202, responses=WRITES | problems(404)
)
async def publish_fix(
    fix_id: PathId, fixes: Fixes, subject: Annotated[Subject, Depends(KeyNeededOnce(Scope.SCAN))]
) -> QueuedFix:
    """Open or update the pull request of a verified fix; it appears when a worker has done it."""
    fix = await fixes.request_publish.request(fix_id, actor=subject.actor, reach=subject.reach)
    return QueuedFix(fix_id=fix.id, status="queued", repository=fix.repository, path=fix.path)


@router.get("/api/fixes/{fix_id}", responses=problems(404))
async def get_fix(fix_id: PathId, fixes: Fixes, reader: Reader) -> FixView:
    """Show one fix."""
    fix = await fixes.fixes.get(fix_id, reader.reach)
    if fix is None:
        raise NotFoundError("There is no such fix.")
    return FixView.of(fix)
