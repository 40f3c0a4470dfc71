"""Tables as the bodies of Google Sheets' requests.

https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets#resource:-spreadsheet
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from kova.reports.table import Table, row_bytes

Json = dict[str, Any]
_ROWS: Final = 1_000
_BYTES: Final = 1_000_000
"""Of the rows of a request; Google advises two megabytes at most."""
_LETTERS: Final = 26


def creation_body(title: str, tables: Sequence[Table]) -> Json:
    """Return a Spreadsheet: a sheet for each table, its header frozen, bold and with filters."""
    return {
        "properties": {"title": title},
        "sheets": [_sheet(index, table) for index, table in enumerate(tables)],
    }


def value_batches(tables: Sequence[Table]) -> Iterator[Json]:
    """Yield the bodies of values:batchUpdate that fill the sheets below their headers."""
    ranges: list[Json] = []
    size = 0
    for table in tables:
        for first, rows in _chunks(table):
            length = sum(row_bytes(row) for row in rows)
            if ranges and size + length > _BYTES:
                yield _batch(ranges)
                ranges, size = [], 0
            ranges.append(_value_range(table, first, rows))
            size += length
    if ranges:
        yield _batch(ranges)


def _batch(ranges: list[Json]) -> Json:
    # RAW: with USER_ENTERED a text that begins with `=` would be computed.
    return {"valueInputOption": "RAW", "data": ranges}


def _chunks(table: Table) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    """Yield rows that fit into a request, each time with the index of the first."""
    first, rows, size = 0, list[tuple[Any, ...]](), 0
    for index, row in enumerate(table.rows):
        length = row_bytes(row)
        if rows and (len(rows) >= _ROWS or size + length > _BYTES):
            yield first, rows
            first, rows, size = index, [], 0
        rows.append(row)
        size += length
    if rows:
        yield first, rows


def _value_range(table: Table, first: int, rows: list[tuple[Any, ...]]) -> Json:
    begin, end = first + 2, first + len(rows) + 1
    title = table.title.replace("'", "''")
    return {
        "range": f"'{title}'!A{begin}:{_column_name(len(table.columns))}{end}",
        "majorDimension": "ROWS",
        "values": [list(row) for row in rows],
    }


def _sheet(index: int, table: Table) -> Json:
    # A sheet whose rows are all frozen is refused.
    rows, columns = max(len(table.rows) + 1, 2), len(table.columns)
    return {
        "properties": {
            "sheetId": index,
            "title": table.title,
            "index": index,
            "gridProperties": {"rowCount": rows, "columnCount": columns, "frozenRowCount": 1},
        },
        "basicFilter": {
            "range": {
                "sheetId": index,
                "startRowIndex": 0,
                "endRowIndex": rows,
                "startColumnIndex": 0,
                "endColumnIndex": columns,
            }
        },
        "data": [
            {
                "startRow": 0,
                "startColumn": 0,
                "rowData": [{"values": [_heading(name) for name in table.columns]}],
            }
        ],
    }


def _heading(name: str) -> Json:
    return {
        "userEnteredValue": {"stringValue": name},
        "userEnteredFormat": {"textFormat": {"bold": True}},
    }


def _column_name(number: int) -> str:
    """Return a column's letters: 1 is A, 27 is AA."""
    name = ""
    while number:
        number, index = divmod(number - 1, _LETTERS)
        name = chr(ord("A") + index) + name
    return name
