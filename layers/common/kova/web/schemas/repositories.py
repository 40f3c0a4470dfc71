"""The JSON of repositories and their settings."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field

from kova.models.usage import MOST_BUDGET_USD
from kova.notifications.quiet_hours import QUIET_HOURS_PATTERN
from kova.shared.repository import (
    SLACK_CHANNEL_PATTERN,
    AutoFix,
    NotifySeverity,
    Repository,
    RepositoryProblem,
)
from kova.shared.severity import Severity
from kova.web.schemas.base import Request, View

# `off` has none, whatever the process has.
_HOURS_PATTERN: Final = f"{QUIET_HOURS_PATTERN}|^off$"
Money = Annotated[float, Field(ge=0, le=MOST_BUDGET_USD, examples=[25])]


class RepositorySettings(Request):
    """PATCH /api/repositories/{owner}/{name}: what is left out stays as it is."""

    auto_fix: Annotated[AutoFix, Field(strict=False, examples=["suggest"])] = AutoFix.PULL_REQUEST
    fail_on: Annotated[Severity, Field(strict=False)] = Severity.HIGH
    monthly_budget_usd: Money | None = None
    slack_channel: Annotated[
        str | None, Field(pattern=SLACK_CHANNEL_PATTERN, examples=["C0123456789"])
    ] = None
    notify_severity: Annotated[NotifySeverity | None, Field(strict=False)] = None
    quiet_hours: Annotated[
        str | None, Field(pattern=_HOURS_PATTERN, examples=["22:00-07:00 Europe/Berlin"])
    ] = None


def dollars(amount: float | None) -> Decimal | None:
    """Return an amount as it is stored: to a hundredth of a cent."""
    return None if amount is None else round(Decimal(str(amount)), 4)


class RepositoryView(View):
    """A watched repository.

    `problem` and `problem_since` say why it is not scanned: `deleted`, `removed`, `uninstalled`,
    `suspended`, `not_found`, `owner_not_allowed`, `default_branch_deleted`. An archived one gets
    no pull requests.
    """

    id: str
    full_name: str
    default_branch: str
    private: bool
    archived: bool
    problem: RepositoryProblem | None
    problem_since: datetime | None
    auto_fix: AutoFix
    fail_on: Severity
    monthly_budget_usd: float | None
    slack_channel: str | None
    notify_severity: NotifySeverity | None
    quiet_hours: str | None
    created_at: datetime
    open_errors: dict[Severity, int]

    @classmethod
    def of(cls, repository: Repository) -> Self:
        """Show a repository."""
        return cls.model_validate(repository.__dict__)
