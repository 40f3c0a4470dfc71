"""What AI commands cost, by month, key and repository."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

MOST_BUDGET_USD: Final = 1_000_000
"""The largest monthly budget. One is stored to a hundredth of a cent."""
MONTH_PATTERN: Final = r"^(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])$"


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
    """Return the first day of a month of MONTH_PATTERN."""
    year, _, number = month.partition("-")
    return date(int(year), int(number), 1)


def month_of(now: datetime) -> str:
    """Return the month of a moment, in UTC."""
    return f"{now.astimezone(UTC):%Y-%m}"


@dataclass(frozen=True, kw_only=True)
class TokenUsage:
    """Tokens of one or more calls."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        """Add the tokens of another call."""
        return TokenUsage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )
