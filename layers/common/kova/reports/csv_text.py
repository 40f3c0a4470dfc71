"""A table as CSV (RFC 4180) that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from typing import Final

from kova.reports.table import Table, make_inert

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_ORDER_MARK: Final = "\ufeff"
"""Without it Excel reads UTF-8 as the code page of its machine."""


def write_csv(table: Table) -> bytes:
    """Return the table in UTF-8 with a byte order mark; the first line is the header."""
    target = io.StringIO()
    target.write(_ORDER_MARK)
    writer = csv.writer(target)
    writer.writerow(table.columns)
    writer.writerows([make_inert(value) for value in row] for row in table.rows)
    return target.getvalue().encode()
