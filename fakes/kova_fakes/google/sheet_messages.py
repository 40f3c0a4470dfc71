"""The messages of the Sheets API that a new spreadsheet needs, as its discovery document has them.

https://sheets.googleapis.com/$discovery/rest?version=v4. A field that a message does not have is
refused as Google does; one that it has and this stand-in does not know is UNIMPLEMENTED.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kova_fakes.google.api_errors import GoogleApiError, invalid, unknown_name

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field: `kind` is string, integer, number, boolean, value, or the name of a message."""

    kind: str
    repeated: bool = False
    choices: frozenset[str] = frozenset()


def _fields(text: str) -> dict[str, Field]:
    """Read `name:kind` words; `[]` after the kind says that it is repeated."""
    pairs = (word.split(":") for word in text.split())
    return {
        name: Field(kind=kind.removesuffix("[]"), repeated=kind.endswith("[]"))
        for name, kind in pairs
    }


_INPUT: Final = Field(
    kind="string",
    choices=frozenset({"INPUT_VALUE_OPTION_UNSPECIFIED", "RAW", "USER_ENTERED"}),
)
_DIMENSION: Final = Field(
    kind="string", choices=frozenset({"DIMENSION_UNSPECIFIED", "ROWS", "COLUMNS"})
)
_MESSAGES: Final[Mapping[str, Mapping[str, Field]]] = {
    "Spreadsheet": _fields("properties:SpreadsheetProperties sheets:Sheet[]"),
    "SpreadsheetProperties": _fields("title:string locale:string timeZone:string"),
    "Sheet": _fields("properties:SheetProperties data:GridData[] basicFilter:BasicFilter"),
    "SheetProperties": _fields(
        "sheetId:integer title:string index:integer gridProperties:GridProperties hidden:boolean"
    ),
    "GridProperties": _fields(
        "rowCount:integer columnCount:integer frozenRowCount:integer frozenColumnCount:integer"
        " hideGridlines:boolean"
    ),
    "GridData": _fields("startRow:integer startColumn:integer rowData:RowData[]"),
    "RowData": _fields("values:CellData[]"),
    "CellData": _fields("userEnteredValue:ExtendedValue userEnteredFormat:CellFormat note:string"),
    "ExtendedValue": _fields(
        "numberValue:number stringValue:string boolValue:boolean formulaValue:string"
    ),
    "CellFormat": _fields("textFormat:TextFormat wrapStrategy:string"),
    "TextFormat": _fields("bold:boolean italic:boolean fontSize:integer"),
    "BasicFilter": _fields("range:GridRange"),
    "GridRange": _fields(
        "sheetId:integer startRowIndex:integer endRowIndex:integer startColumnIndex:integer"
        " endColumnIndex:integer"
    ),
    "BatchUpdateValuesRequest": {
        "valueInputOption": _INPUT,
        **_fields("data:ValueRange[] includeValuesInResponse:boolean"),
    },
    "ValueRange": {
        "majorDimension": _DIMENSION,
        **_fields("range:string values:value[]"),
    },
}
_OTHERS: Final[Mapping[str, frozenset[str]]] = {
    "Spreadsheet": frozenset(
        "spreadsheetId namedRanges spreadsheetUrl developerMetadata dataSources"
        " dataSourceSchedules".split()
    ),
    "SpreadsheetProperties": frozenset(
        """autoRecalc defaultFormat iterativeCalculationSettings spreadsheetTheme
        importFunctionsExternalUrlAccessAllowed""".split()
    ),
    "Sheet": frozenset(
        """merges conditionalFormats filterViews protectedRanges charts bandedRanges
        developerMetadata rowGroups columnGroups slicers tables""".split()
    ),
    "SheetProperties": frozenset(
        "sheetType tabColor tabColorStyle rightToLeft dataSourceSheetProperties".split()
    ),
    "GridProperties": frozenset({"rowGroupControlAfter", "columnGroupControlAfter"}),
    "GridData": frozenset({"rowMetadata", "columnMetadata"}),
    "CellData": frozenset(
        """effectiveValue formattedValue effectiveFormat hyperlink textFormatRuns dataValidation
        pivotTable dataSourceTable dataSourceFormula chipRuns""".split()
    ),
    "ExtendedValue": frozenset({"errorValue"}),
    "CellFormat": frozenset(
        """numberFormat backgroundColor backgroundColorStyle borders padding horizontalAlignment
        verticalAlignment textDirection hyperlinkDisplayType textRotation""".split()
    ),
    "TextFormat": frozenset(
        "foregroundColor foregroundColorStyle fontFamily strikethrough underline link".split()
    ),
    "BasicFilter": frozenset({"sortSpecs", "criteria", "filterSpecs", "tableId"}),
    "BatchUpdateValuesRequest": frozenset(
        {"responseValueRenderOption", "responseDateTimeRenderOption"}
    ),
}
_INT32: Final = 2**31
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def check_message(name: str, value: object, path: str = "") -> Json:
    """Return a message whose fields are those of the API and of their types.

    Raises:
        GoogleApiError: as Google refuses it.
    """
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{path}' (type {name})")
    for key, part in value.items():
        place = f"{path}.{key}" if path else key
        field = _MESSAGES[name].get(key)
        if field is None and key in _OTHERS.get(name, frozenset()):
            raise GoogleApiError("UNIMPLEMENTED", f"The stand-in does not know {place}.")
        if field is None:
            raise unknown_name(key, path)
        if field.repeated:
            if not isinstance(part, list):
                raise invalid(f"Invalid value at '{place}' (type {field.kind}), {part!r}")
            for index, entry in enumerate(part):
                _check_value(field, entry, f"{place}[{index}]")
        else:
            _check_value(field, part, place)
    return value


def _check_value(field: Field, value: object, path: str) -> None:
    if field.kind == "value":
        return  # Any JSON: what it may be depends on the range.
    if field.kind in _MESSAGES:
        check_message(field.kind, value, path)
        return
    kinds = _TYPES[field.kind]
    is_flag = isinstance(value, bool)
    if not isinstance(value, kinds) or is_flag is not (field.kind == "boolean"):
        raise invalid(f"Invalid value at '{path}' (TYPE_{field.kind.upper()}), {value!r}")
    if field.kind == "integer" and not -_INT32 <= int(str(value)) < _INT32:
        raise invalid(f"Invalid value at '{path}' (TYPE_INT32), {value!r}")
    if field.choices and value not in field.choices:
        raise invalid(f"Invalid value at '{path}', {value!r}")
