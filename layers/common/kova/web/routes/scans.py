"""Scans: ask for one, look at them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.shared.exceptions import NotFoundError
from kova.web.dependencies import PageQuery, PathId, Scans, encode_cursor
from kova.web.idempotency import claim_id
from kova.web.keyed_route import KeyedRouter, KeyNeeded, KeyNeededOnce
from kova.web.responses import READS, WRITES, problems
from kova.web.schemas.base import ListOf
from kova.web.schemas.scans import QueuedScan, ScanRequest, ScanView

request_router = KeyedRouter(tags=["scans"])
router = KeyedRouter(tags=["scans"], responses=READS)
Reader = Annotated[Subject, Depends(KeyNeeded(Scope.READ))]


@request_router.post(
    "/api/scan",
    status_code=202,
    responses=WRITES | problems(404),
)
async def request_scan(
    body: ScanRequest,
    scans: Scans,
    request: Request,
    response: Response,
    subject: Annotated[Subject, Depends(KeyNeededOnce(Scope.SCAN))],
) -> QueuedScan:
    """Queue a scan of a repository."""
    scan = await scans.request_scan.request(
        body.repository,
        body.ref,
        full=body.full,
        fix=body.fix,
        # A repetition after a crash finds the scan that the first attempt made.
        scan_id=claim_id(request),
        reach=subject.reach,
    )
    response.headers["Location"] = f"/api/scans/{scan.id}"
    return QueuedScan(
        scan_id=scan.id,
        status=scan.status,
        repository=scan.repository,
        commit_sha=scan.commit_sha,
    )


@router.get("/api/scans")
async def list_scans(
    scans: Scans,
    page: PageQuery,
    reader: Reader,
    repository: Annotated[str | None, Query(max_length=140)] = None,
) -> ListOf[ScanView]:
    """List scans, newest first."""
    scans_page = await scans.stores.scans.page(page, repository, reader.reach)
    return ListOf(
        items=[ScanView.of(scan) for scan in scans_page.items],
        next_cursor=encode_cursor(scans_page.next),
    )


@router.get("/api/scans/{scan_id}", responses=problems(404))
async def get_scan(scan_id: PathId, scans: Scans, reader: Reader) -> ScanView:
    """Show one scan."""
    scan = await scans.stores.scans.get(scan_id, reader.reach)
    if scan is None:
        raise NotFoundError("There is no such scan.")
    return ScanView.of(scan)
