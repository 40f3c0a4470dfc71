"""The JSON of scans."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, Field

from kova.scans.scan import Scan, ScanStats, ScanStatus, Trigger
from kova.shared.repository import FULL_NAME_PATTERN, REF_LIMIT, REF_PATTERN
from kova.web.schemas.base import Request, View

if TYPE_CHECKING:
    from kova.scans.import_sarif import ImportedSarif


class ScanRequest(Request):
    """POST /api/scan."""

    repository: Annotated[str, Field(pattern=FULL_NAME_PATTERN, examples=["octo/sample"])]
    ref: Annotated[str, Field(pattern=REF_PATTERN, max_length=REF_LIMIT)] | None = Field(
        default=None,
        description="A branch, tag or full ref name; the default branch if left out.",
        examples=["main"],
    )
    full: bool = Field(default=False, description="Analyse everything again.")
    fix: bool = Field(default=True, description="Propose and prove fixes.")


class QueuedScan(View):
    """The answer to POST /api/scan."""

    scan_id: str
    status: ScanStatus
    repository: str
    commit_sha: str | None


class SkippedView(View):
    """A file that was not analysed, and why."""

    path: str
    reason: str


class ScanView(View):
    """A scan.

    `failure` says why it failed, or for which newer push it was skipped. `retry_at` and
    `retry_reason` say when a queued scan is tried again, and what its last attempt failed with.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    repository: str
    ref: str | None
    commit_sha: str | None
    trigger: Trigger
    status: ScanStatus
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    stats: ScanStats
    skipped: list[SkippedView]
    coverage: dict[str, Any]
    failure: str | None
    check_run_url: str | None
    attempts: int
    retry_at: datetime | None
    retry_reason: str | None

    @classmethod
    def of(cls, scan: Scan) -> Self:
        """Show a scan."""
        fields = {**scan.__dict__, "skipped": [skip.__dict__ for skip in scan.skipped]}
        return cls.model_validate(fields)


class ImportedToolView(View):
    """What became of one tool's results; `refused` counts by reason.

    `complete` is false where a result could not be used or the tool failed: then the log closes
    none of the tool's errors.
    """

    analyzer: str
    version: str
    accepted: int
    refused: dict[str, int]
    finished: bool
    complete: bool


class SarifImportView(View):
    """The answer to POST /api/scans/{id}/sarif."""

    scan_id: str
    commit_sha: str | None
    tools: list[ImportedToolView]
    new_errors: int
    fixed_errors: int
    reopened_errors: int

    @classmethod
    def of(cls, imported: ImportedSarif) -> Self:
        """Show an import."""
        return cls(
            scan_id=imported.scan.id,
            commit_sha=imported.scan.commit_sha,
            tools=[ImportedToolView.model_validate(tool.__dict__) for tool in imported.tools],
            new_errors=imported.change.new,
            fixed_errors=imported.change.fixed,
            reopened_errors=imported.change.reopened,
        )
