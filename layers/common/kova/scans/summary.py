"""What the first page says in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

LAST_FIXED: Final = 500
"""Of how many errors, those that were fixed last, the time to fix is the median."""


@dataclass(frozen=True, kw_only=True)
class DayCount:
    """How many errors were first seen, and how many fixed, on a day (UTC)."""

    day: date
    opened: int
    fixed: int


@dataclass(frozen=True, kw_only=True)
class ErrorSummary:
    """The figures of some repositories.

    Attributes:
        open_errors: by severity, all severities.
        days: every day of the period, the oldest first.
        fixes: of those that were written in the period, by status.
        seconds_to_fix: median, from first seen to fixed; None where none was fixed.
        spent_usd: on models this month, by these repositories; by all commands for all of them.
    """

    open_errors: Mapping[str, int]
    days: tuple[DayCount, ...]
    fixes: Mapping[str, int]
    seconds_to_fix: float | None
    spent_usd: Decimal
