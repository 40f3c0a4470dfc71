"""What a spreadsheet holds, and what does not fit into it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from kova_fakes.google.api_errors import invalid

Json = dict[str, Any]
MOST_CELLS: Final = 10_000_000
_MOST_COLUMNS: Final = 18_278
_CELL_CHARACTERS: Final = 50_000
_TITLE_CHARACTERS: Final = 100
_RANGE: Final = re.compile(
    r"(?:'((?:[^']|'')+)'|([A-Za-z0-9_]+))!([A-Z]{1,3})([1-9]\d*)(?::([A-Z]{1,3})([1-9]\d*))?"
)
_LETTERS: Final = 26


@dataclass(frozen=True, kw_only=True)
class SheetCell:
    """A cell: `kind` is text, number, boolean or formula."""

    kind: str
    value: object
    bold: bool = False


@dataclass(kw_only=True)
class SheetGrid:
    """One sheet; cells by row and column, from nought."""

    sheet_id: int
    title: str
    rows: int = 1_000
    columns: int = 26
    frozen_rows: int = 0
    has_filter: bool = False
    cells: dict[tuple[int, int], SheetCell] = field(default_factory=dict)

    def put(self, row: int, column: int, cell: SheetCell) -> None:
        """Write a cell.

        Raises:
            GoogleApiError: it is outside of the grid, or too long.
        """
        if row >= self.rows or column >= self.columns:
            raise invalid(
                f"Range ({self.title}!{column_name(column)}{row + 1}) exceeds grid limits. Max"
                f" rows: {self.rows}, max columns: {self.columns}"
            )
        if isinstance(cell.value, str) and len(cell.value) > _CELL_CHARACTERS:
            raise invalid(
                "Your input contains more than the maximum of 50000 characters in a single cell."
            )
        self.cells[row, column] = cell

    def values(self) -> list[list[object]]:
        """Return all rows up to the last one with a value; None for empty cells."""
        last = max((row for row, _ in self.cells), default=-1)
        return [
            [
                self.cells[row, column].value if (row, column) in self.cells else None
                for column in range(self.columns)
            ]
            for row in range(last + 1)
        ]

    def kinds(self) -> set[str]:
        """Return which kinds of cells there are."""
        return {cell.kind for cell in self.cells.values()}


@dataclass(kw_only=True)
class FakeSpreadsheet:
    """A file in somebody's Drive."""

    id: str
    title: str
    owner: str
    sheets: list[SheetGrid] = field(default_factory=list)

    def sheet(self, title: str) -> SheetGrid:
        """Return a sheet.

        Raises:
            GoogleApiError: there is none of this title.
        """
        for sheet in self.sheets:
            if sheet.title == title:
                return sheet
        raise invalid(f"Unable to parse range: {title}!A1")


def make_sheets(sheets: list[Json]) -> list[SheetGrid]:
    """Return the sheets of a new spreadsheet.

    Raises:
        GoogleApiError: they do not fit into one, or two have the same title or id.
    """
    grids = [_make_sheet(index, sheet) for index, sheet in enumerate(sheets or [{}])]
    if len({grid.title.casefold() for grid in grids}) < len(grids):
        raise invalid("Invalid sheets: A sheet with this name already exists.")
    if len({grid.sheet_id for grid in grids}) < len(grids):
        raise invalid("Invalid sheets: A sheet with this id already exists.")
    if sum(grid.rows * grid.columns for grid in grids) > MOST_CELLS:
        raise invalid(
            "This action would increase the number of cells in the workbook above the limit of"
            f" {MOST_CELLS} cells."
        )
    return grids


def parse_range(text: str) -> tuple[str, int, int, int | None, int | None]:
    """Return the title, and first row and column and last row and column, from nought.

    Raises:
        GoogleApiError: it is no range in A1 notation.
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        raise invalid(f"Unable to parse range: {text}")
    quoted, bare, column, row, last_column, last_row = match.groups()
    return (
        quoted.replace("''", "'") if quoted else bare,
        int(row) - 1,
        column_index(column),
        int(last_row) - 1 if last_row else None,
        column_index(last_column) if last_column else None,
    )


def column_index(name: str) -> int:
    """Return a column's index, from nought."""
    index = 0
    for letter in name:
        index = index * _LETTERS + ord(letter) - ord("A") + 1
    return index - 1


def column_name(index: int) -> str:
    """Return a column's letters."""
    name, number = "", index + 1
    while number:
        number, letter = divmod(number - 1, _LETTERS)
        name = chr(ord("A") + letter) + name
    return name


def _make_sheet(index: int, sheet: Json) -> SheetGrid:
    properties = sheet.get("properties", {})
    size = properties.get("gridProperties", {})
    title = properties.get("title", f"Sheet{index + 1}")
    grid = SheetGrid(
        sheet_id=properties.get("sheetId", index * 1_000 + 7),
        title=title,
        rows=size.get("rowCount", 1_000),
        columns=size.get("columnCount", 26),
        frozen_rows=size.get("frozenRowCount", 0),
    )
    place = f"Invalid sheets[{index}]"
    if not title or len(title) > _TITLE_CHARACTERS:
        raise invalid(f"{place}.properties.title")
    if grid.sheet_id < 0 or grid.rows < 1 or not 1 <= grid.columns <= _MOST_COLUMNS:
        raise invalid(f"{place}.properties")
    if grid.frozen_rows >= grid.rows:
        raise invalid(f"{place}: You can't freeze all visible rows on the sheet.")
    _check_filter(grid, sheet.get("basicFilter"), place)
    for block in sheet.get("data", []):
        _fill(grid, block, place)
    return grid


def _check_filter(grid: SheetGrid, basic_filter: Json | None, place: str) -> None:
    if basic_filter is None:
        return
    bounds = basic_filter.get("range", {})
    ends = (bounds.get("endRowIndex", 0), bounds.get("endColumnIndex", 0))
    if bounds.get("sheetId", 0) != grid.sheet_id:
        raise invalid(f"{place}.basicFilter.range: No grid with id: {bounds.get('sheetId', 0)}")
    if ends[0] > grid.rows or ends[1] > grid.columns:
        raise invalid(f"{place}.basicFilter.range: exceeds grid limits.")
    grid.has_filter = True


def _fill(grid: SheetGrid, block: Json, place: str) -> None:
    first_row, first_column = block.get("startRow", 0), block.get("startColumn", 0)
    for row, row_data in enumerate(block.get("rowData", []), start=first_row):
        for column, cell in enumerate(row_data.get("values", []), start=first_column):
            value = cell.get("userEnteredValue")
            if not value:
                continue
            if len(value) != 1:
                raise invalid(f"{place}.data: a value has one kind.")
            ((kind, content),) = value.items()
            names = {"stringValue": "text", "numberValue": "number", "boolValue": "boolean"}
            bold = cell.get("userEnteredFormat", {}).get("textFormat", {}).get("bold", False)
            grid.put(
                row, column, SheetCell(kind=names.get(kind, "formula"), value=content, bold=bold)
            )
