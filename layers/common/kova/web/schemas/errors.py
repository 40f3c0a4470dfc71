"""The JSON of errors."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from kova.analysis.finding import Category, Confidence, Finding, Tier
from kova.errors.error import REASON_LIMIT, ErrorRecord, ErrorStatus
from kova.fixes.fix import FixStatus
from kova.shared.severity import Severity
from kova.web.schemas.base import Moment, Request, View


class IgnoreError(Request):
    """Ignore an error, for good or until a time."""

    status: Literal["ignored"]
    reason: Annotated[
        str,
        Field(
            pattern=r"\S", min_length=1, max_length=REASON_LIMIT, examples=["a test relies on it"]
        ),
    ]
    until: Moment | None = None


class OpenError(Request):
    """Open an ignored error again."""

    status: Literal["open"]


ErrorChange = Annotated[IgnoreError | OpenError, Field(discriminator="status")]


class FindingView(View):
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


class FixReferenceView(View):
    """An error's fix, in short."""

    id: str
    status: FixStatus
    pull_request_url: str | None


class IgnoredView(View):
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
    span = asdict(finding.span)
    names = FindingView.model_fields.keys() - span.keys()
    return {name: getattr(finding, name) for name in names} | span
