"""SARIF out and in: a scan's errors for other tools, other tools' results for Kova."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.scans.sarif import MOST_RESULTS, to_sarif
from kova.scans.scan import Trigger
from kova.shared.exceptions import ConflictError, NotFoundError
from kova.web.dependencies import PathId, Scans
from kova.web.keyed_route import KeyedRouter, KeyNeeded, KeyNeededOnce
from kova.web.responses import READS, WRITES, problems
from kova.web.schemas.scans import SarifImportView

CheckoutUri = Annotated[
    str | None,
    Query(
        max_length=1_000,
        description="Where the repository was on the tool's machine: an absolute path, or its"
        " `file:` address. Another text places nothing.",
    ),
]
router = KeyedRouter(tags=["scans"])
_MEDIA_TYPE: Final = "application/sarif+json"
_ACCEPTED: Final = frozenset({"application/json", _MEDIA_TYPE})
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            name: {"schema": {"type": "object", "required": ["version", "runs"]}}
            for name in sorted(_ACCEPTED)
        },
    }
}


@router.get(
    "/api/scans/{scan_id}/sarif",
    responses={200: {"content": {_MEDIA_TYPE: {}}}} | READS | problems(404, 409),
    response_class=JSONResponse,
)
async def get_sarif(
    scan_id: PathId, scans: Scans, reader: Annotated[Subject, Depends(KeyNeeded(Scope.READ))]
) -> JSONResponse:
    """Return the open errors of the scan's repository as SARIF 2.1.0 within GitHub's limits."""
    scan = await scans.stores.scans.get(scan_id, reader.reach)
    if scan is None:
        raise NotFoundError("There is no such scan.")
    if scan.trigger is Trigger.PULL_REQUEST:
        raise ConflictError("What a pull request introduced is on its check run and not kept.")
    findings = await scans.stores.errors.of_scan(scan_id, MOST_RESULTS, reader.reach)
    return JSONResponse(to_sarif(findings), media_type=_MEDIA_TYPE)


@router.post(
    "/api/scans/{scan_id}/sarif",
    responses=WRITES | problems(404, 409),
    openapi_extra=_BODY,
)
async def post_sarif(
    scan_id: PathId,
    request: Request,
    scans: Scans,
    subject: Annotated[Subject, Depends(KeyNeededOnce(Scope.SCAN))],
    checkout_uri: CheckoutUri = None,
) -> SarifImportView:
    """Add another tool's results about the commit of a scan; they live on as any error does.

    The answer comes after the rows are written. The same log again changes nothing. Absolute
    paths of a log are placed by its own roots, or by `checkout_uri`, the folder of the repository
    on the machine that the tool ran on.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _ACCEPTED:
        raise HTTPException(status_code=415)
    body = await request.body()
    imported = await scans.import_sarif.import_log(
        scan_id, body, subject.reach, checkout_uri=checkout_uri
    )
    return SarifImportView.of(imported)
