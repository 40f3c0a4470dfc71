"""The month that a page shows, and those beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kova.reports.export_request import check_month

_MONTHS_A_YEAR: Final = 12
_MONTHS_BACK: Final = 24


@dataclass(frozen=True, kw_only=True)
class Months:
    """Months as in `2026-11`; None where a page does not lead to one."""

    shown: str
    before: str | None
    after: str | None


def months_around(month: str, current: str) -> Months:
    """Return the month that somebody asks for, the current one where the text is empty.

    Raises:
        InvalidInputError: it is no month.
    """
    shown = month or current
    check_month(shown)
    return Months(
        shown=shown,
        before=_shift(shown, -1) if shown > _shift(current, -_MONTHS_BACK) else None,
        after=_shift(shown, 1) if shown < current else None,
    )


def _shift(month: str, months: int) -> str:
    year, _, number = month.partition("-")
    count = int(year) * _MONTHS_A_YEAR + int(number) - 1 + months
    return f"{count // _MONTHS_A_YEAR:04d}-{count % _MONTHS_A_YEAR + 1:02d}"
