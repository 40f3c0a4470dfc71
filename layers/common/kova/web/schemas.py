"""The JSON of requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from kova.analysis.finding import Category, Confidence, Finding, Tier
from kova.errors.error import ErrorRecord, ErrorStatus
from kova.fixes.fix import Fix, FixStatus, Step, Strategy
from kova.scans.import_sarif import ImportedSarif
from kova.scans.scan import Scan, ScanStats, ScanStatus, Trigger
from kova.shared.check_health import Check
from kova.shared.repository import FULL_NAME_PATTERN, REF_LIMIT, REF_PATTERN, AutoFix, Repository
from kova.shared.severity import Severity

Item = TypeVar("Item")


class Request(BaseModel):
    """A request body: unknown fields are refused, and no type is guessed."""

    model_config = ConfigDict(extra="forbid", strict=True)


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


class ListOf(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None


class QueuedScan(BaseModel):
    """The answer to POST /api/scan."""

    scan_id: str
    status: ScanStatus
    repository: str
    commit_sha: str | None


class SkippedView(BaseModel):
    """A file that was not analysed, and why."""

    path: str
    reason: str


class ScanView(BaseModel):
    """A scan."""

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

    @classmethod
    def of(cls, scan: Scan) -> Self:
        """Show a scan."""
        fields = {**scan.__dict__, "skipped": [one.__dict__ for one in scan.skipped]}
        return cls.model_validate(fields)


class FindingView(BaseModel):
    """The part of an error that a local scan knows too."""

    fingerprint: str
    analyzer: str
    rule_id: str
    severity: Severity
    tier: Tier
    confidence: Confidence
    category: Category
    message: str
    path: str
    start_line: int
    start_column: int
    end_line: int
    end_column: int
    snippet: str
    help_url: str | None
    cwe: str | None


class FixReferenceView(BaseModel):
    """An error's fix, in short."""

    id: str
    status: FixStatus
    pull_request_url: str | None


class IgnoredView(BaseModel):
    """Why an error is ignored, by whom and until when."""

    model_config = ConfigDict(from_attributes=True)

    reason: str
    by: str
    until: datetime | None


class ErrorView(FindingView):
    """An error and its life."""

    id: str
    repository: str
    status: ErrorStatus
    first_seen_at: datetime
    last_seen_at: datetime
    fixed_at: datetime | None
    introduced_in: str | None
    fix: FixReferenceView | None
    ignored: IgnoredView | None

    @classmethod
    def of(cls, error: ErrorRecord) -> Self:
        """Show an error."""
        own = {key: value for key, value in error.__dict__.items() if key not in {"finding", "fix"}}
        fix = error.fix.__dict__ if error.fix else None
        return cls.model_validate({**own, **finding_fields(error.finding), "fix": fix})


def finding_fields(finding: Finding) -> dict[str, Any]:
    """Return a finding's fields as the API names them."""
    names = FindingView.model_fields.keys() - {
        "start_line",
        "start_column",
        "end_line",
        "end_column",
    }
    return {name: getattr(finding, name) for name in names} | finding.span.__dict__


class VerificationView(BaseModel):
    """One step of a proof."""

    step: Step
    passed: bool
    detail: str


class FixView(BaseModel):
    """A fix and its proof."""

    id: str
    error_id: str
    repository: str
    path: str
    rule_id: str
    strategy: Strategy
    provider: str | None
    model: str | None
    status: FixStatus
    safe: bool
    patch: str
    verification: list[VerificationView]
    rejection: str | None
    pull_request_url: str | None
    cost_usd: float
    created_at: datetime

    @classmethod
    def of(cls, fix: Fix) -> Self:
        """Show a fix."""
        steps = [step.__dict__ for step in fix.verification]
        return cls.model_validate({**fix.__dict__, "verification": steps})


class QueuedFix(BaseModel):
    """The answer to POST /api/fixes/{id}/publish."""

    fix_id: str
    status: str
    repository: str
    path: str


class RepositoryView(BaseModel):
    """A watched repository."""

    id: str
    full_name: str
    default_branch: str
    private: bool
    auto_fix: AutoFix
    fail_on: Severity
    monthly_budget_usd: float | None
    created_at: datetime
    open_errors: dict[Severity, int]

    @classmethod
    def of(cls, repository: Repository) -> Self:
        """Show a repository."""
        return cls.model_validate(repository.__dict__)


class DeliveryView(BaseModel):
    """The answer to a webhook delivery."""

    delivery: str
    status: str
    event: str


class CheckView(BaseModel):
    """One dependency's state."""

    status: str
    latency_ms: float
    detail: str | None = None

    @classmethod
    def of(cls, check: Check) -> Self:
        """Show a check."""
        status = "ok" if check.ok else "unavailable"
        return cls(status=status, latency_ms=check.latency_ms, detail=check.detail)


class HealthView(BaseModel):
    """The state of the service and of everything that it needs."""

    status: str
    version: str
    checks: dict[str, CheckView]


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    loc: list[str]
    msg: str


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    request_id: str
    errors: list[FieldProblem] | None = None


class ImportedToolView(BaseModel):
    """What became of one tool's results; `refused` counts by reason."""

    analyzer: str
    version: str
    accepted: int
    refused: dict[str, int]
    finished: bool


class SarifImportView(BaseModel):
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
            tools=[ImportedToolView.model_validate(one.__dict__) for one in imported.tools],
            new_errors=imported.change.new,
            fixed_errors=imported.change.fixed,
            reopened_errors=imported.change.reopened,
        )
