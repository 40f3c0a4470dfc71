"""The report of a month: errors, fixes, models and scans, by repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from kova.fixes.fix import FixStatus
from kova.scans.scan import ScanStatus
from kova.shared.severity import Severity

MOST_ROWS: Final = 1_000
"""Of each part of a report; those with most to say come first."""


@dataclass(frozen=True, kw_only=True)
class ErrorCounts:
    """Errors of one severity in one repository.

    Attributes:
        open: at the end of the month, or now where it is not over; ignored ones are not among them.
        introduced: first seen in the month.
        fixed: in the month.
    """

    repository: str
    severity: Severity
    open: int
    introduced: int
    fixed: int


@dataclass(frozen=True, kw_only=True)
class FixCounts:
    """The fixes of one repository that were proposed in the month, by their status of today."""

    repository: str
    by_status: Mapping[FixStatus, int]


@dataclass(frozen=True, kw_only=True)
class FixTime:
    """How long errors of a severity that were fixed in the month had been there; in seconds.

    `severity` is None for all of them.
    """

    severity: Severity | None
    fixed: int
    median: float
    longest: float


@dataclass(frozen=True, kw_only=True)
class ModelCosts:
    """What a model was asked about one repository, None for what is about none."""

    repository: str | None
    provider: str | None
    model: str | None
    commands: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, kw_only=True)
class ScanCounts:
    """The scans of one repository that were asked for in the month, by status."""

    repository: str
    by_status: Mapping[ScanStatus, int]


@dataclass(frozen=True, kw_only=True)
class MonthReport:
    """The figures of some repositories in one month (UTC); each part has at most MOST_ROWS rows.

    `fix_times` begin with that of all severities; there are none where nothing was fixed.
    """

    month: str
    errors: tuple[ErrorCounts, ...]
    fixes: tuple[FixCounts, ...]
    fix_times: tuple[FixTime, ...]
    models: tuple[ModelCosts, ...]
    scans: tuple[ScanCounts, ...]


def month_after(begin: datetime) -> datetime:
    """Return the beginning of the month after the one that begins then."""
    years, month = divmod(begin.month, 12)
    return begin.replace(year=begin.year + years, month=month + 1)
