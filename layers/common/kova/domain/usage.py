"""What AI commands cost, by month, key and repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from kova.domain.errors import InvalidInputError

_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, kw_only=True)
class UsageRow:
    """The sums of one key and one repository in one month; None for commands without."""

    month: str
    key_prefix: str | None
    key_name: str | None
    repository: str | None
    commands: int
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A monthly cap and what is spent of it. `kind` is key, repository or total."""

    kind: str
    name: str
    limit_usd: Decimal
    spent_usd: Decimal


@dataclass(frozen=True, kw_only=True)
class Usage:
    """One month's usage."""

    month: str
    rows: tuple[UsageRow, ...]
    budgets: tuple[Budget, ...]


def first_day(month: str) -> date:
    """Return the first day of `YYYY-MM`.

    Raises:
        InvalidInputError: it is not a month.
    """
    match = _MONTH.fullmatch(month)
    try:
        return date(int(match[1]), int(match[2]), 1) if match else _not_a_month()
    except ValueError:
        return _not_a_month()


def _not_a_month() -> date:
    raise InvalidInputError("A month is written YYYY-MM.", field="month")


def month_of(now: datetime) -> str:
    """Return the month of a moment, in UTC."""
    return f"{now.astimezone(UTC):%Y-%m}"
