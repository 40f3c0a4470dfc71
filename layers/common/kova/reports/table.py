"""A table that people take with them: plain cells, bounded texts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from kova.shared.text import clean, shorten

CELL_CHARACTERS: Final = 5_000
"""Of one cell; Google Sheets takes 50,000."""
# https://owasp.org/www-community/attacks/CSV_Injection, with the wide forms of the same signs.
# Where Excel splits at semicolons, what follows one or a line's end begins a cell, too.
_FORMULA: Final = re.compile(r'(^|[;\t\r\n])([ "]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])')
_FIRST: Final = ("\t", "\r", "\n")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Cell = str | int | float | None
"""What a cell holds; None is an empty one."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under a header; every row has a cell for each column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def cells(self) -> int:
        """How many cells there are, the header's among them."""
        return len(self.columns) * (len(self.rows) + 1)


def cell(value: object) -> Cell:
    """Return a value as a cell: times in UTC as `2026-11-30 08:15:00`, amounts as numbers."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return shorten(_CONTROL.sub(" ", clean(str(value))), CELL_CHARACTERS)


def make_inert(value: Cell) -> Cell:
    """Return a cell that is shown and never computed: an apostrophe stands before a formula."""
    if not isinstance(value, str):
        return value
    value = _FORMULA.sub(r"\1'\2", value)
    return f"'{value}" if value.startswith(_FIRST) else value


def row_bytes(row: Sequence[Cell]) -> int:
    """Return how many bytes of an answer of Lambda a row is as CSV: a quote becomes four.

    Apostrophes are counted: a path of `;=` again and again gets one for each.
    """
    text = ",".join("" if value is None else str(make_inert(value)) for value in row)
    return len(json.dumps(text.replace('"', '""'), ensure_ascii=False).encode())
