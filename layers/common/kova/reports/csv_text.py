"""A table as CSV (RFC 4180) that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import re
from typing import Final

from kova.reports.table import Cell, Table

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_ORDER_MARK: Final = "\ufeff"
"""Without it Excel reads UTF-8 as the code page of its machine."""
# https://owasp.org/www-community/attacks/CSV_Injection, with the wide forms of the same signs.
# Where Excel splits at semicolons, what follows one or a line's end begins a cell, too.
_FORMULA: Final = re.compile(r'(^|[;\t\r\n])([ "]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])')
_FIRST: Final = ("\t", "\r", "\n")


def write_csv(table: Table) -> bytes:
    """Return the table in UTF-8 with a byte order mark; the first line is the header."""
    target = io.StringIO()
    target.write(_ORDER_MARK)
    writer = csv.writer(target)
    writer.writerow(table.columns)
    writer.writerows([_inert(value) for value in row] for row in table.rows)
    return target.getvalue().encode()


def _inert(value: Cell) -> Cell:
    """Return a cell that is shown and never computed: an apostrophe stands before a formula."""
    if not isinstance(value, str):
        return value
    value = _FORMULA.sub(r"\1'\2", value)
    return f"'{value}" if value.startswith(_FIRST) else value
