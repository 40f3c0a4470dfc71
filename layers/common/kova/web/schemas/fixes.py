"""The JSON of fixes."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from kova.fixes.fix import Fix, FixStatus, Step, Strategy
from kova.web.schemas.base import View


class VerificationView(View):
    """One step of a proof."""

    step: Step
    passed: bool
    detail: str


class FixView(View):
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


class QueuedFix(View):
    """The answer to POST /api/fixes/{id}/publish."""

    fix_id: str
    status: str
    repository: str
    path: str
