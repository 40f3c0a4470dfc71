"""The Sheets API of a stand-in: new spreadsheets, and values in them, for whoever consented.

https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kova_fakes.google.api_errors import GoogleApiError, invalid, with_reason
from kova_fakes.google.sheet_grid import (
    FakeSpreadsheet,
    SheetCell,
    SheetGrid,
    make_sheets,
    parse_range,
)
from kova_fakes.google.sheet_messages import check_message

Json = dict[str, Any]
DRIVE_FILE: Final = "https://www.googleapis.com/auth/drive.file"
_SCOPES: Final = frozenset(
    {
        DRIVE_FILE,
        "https://www.googleapis.com/auth/drive",
        "https://www.googleapis.com/auth/spreadsheets",
    }
)
_PARAMETERS: Final = frozenset({"alt", "fields", "key", "prettyPrint", "quotaUser"})
_FIELDS: Final = frozenset({"spreadsheetId", "spreadsheetUrl", "*"})
_FORMULA: Final = ("=", "+")


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """What a token stands for: somebody's account, and what they granted."""

    owner: str
    scopes: frozenset[str]


@dataclass(kw_only=True)
class FakeSheets:
    """The handle of the API, for tests.

    Attributes:
        tokens: those that the token endpoint gave, by their text.
        files: the spreadsheets, oldest first.
        refusals: the errors that it answered with.
        is_enabled: whether the API is switched on in the client's project.
        writes_left: how many writes there are until Google's quota of the minute.
        fault: called before each request; its answer, if any, is the request's.
    """

    tokens: dict[str, AccessToken] = field(default_factory=dict)
    files: list[FakeSpreadsheet] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    is_enabled: bool = True
    writes_left: int = 60
    fault: Callable[[Request], Response | None] = lambda _: None

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/v4/spreadsheets", self._answer(self._create), methods=["POST"]),
            Route(
                "/v4/spreadsheets/{id}/values:batchUpdate",
                self._answer(self._write),
                methods=["POST"],
            ),
        ]

    def _answer(self, act: Callable[[Request, AccessToken, Json], Json]) -> Any:
        async def respond(request: Request) -> Response:
            try:
                early = self.fault(request)
                if early is not None:
                    return early
                token = self._authenticate(request)
                _check_query(request.query_params)
                self._count()
                answer = act(request, token, _read_json(request, await request.body()))
            except GoogleApiError as exc:
                self.refusals.append(str(exc))
                return exc.response()
            mask = request.query_params.get("fields", "*")
            names = set(answer) if mask == "*" else set(mask.split(","))
            return JSONResponse({name: answer[name] for name in answer if name in names})

        return respond

    def _authenticate(self, request: Request) -> AccessToken:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        token = self.tokens.get(text) if kind == "Bearer" else None
        if token is None:
            raise with_reason(
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token,"
                " login cookie or other valid authentication credential.",
                "ACCESS_TOKEN_TYPE_UNSUPPORTED" if text else "CREDENTIALS_MISSING",
            )
        if not self.is_enabled:
            raise with_reason(
                "PERMISSION_DENIED",
                "Google Sheets API has not been used in project 1234 before or it is disabled.",
                "SERVICE_DISABLED",
            )
        if not token.scopes & _SCOPES:
            raise with_reason(
                "PERMISSION_DENIED",
                "Request had insufficient authentication scopes.",
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            )
        return token

    def _count(self) -> None:
        if self.writes_left <= 0:
            raise with_reason(
                "RESOURCE_EXHAUSTED",
                "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per"
                " minute per user' of service 'sheets.googleapis.com'.",
                "RATE_LIMIT_EXCEEDED",
            )
        self.writes_left -= 1

    def _create(self, request: Request, token: AccessToken, body: Json) -> Json:
        del request
        check_message("Spreadsheet", body)
        file = FakeSpreadsheet(
            id=secrets.token_urlsafe(33),
            title=body.get("properties", {}).get("title", "Untitled spreadsheet"),
            owner=token.owner,
            sheets=make_sheets(body.get("sheets", [])),
        )
        self.files.append(file)
        return {
            "spreadsheetId": file.id,
            "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{file.id}/edit",
            "properties": {"title": file.title},
        }

    def _write(self, request: Request, token: AccessToken, body: Json) -> Json:
        check_message("BatchUpdateValuesRequest", body)
        file = self._find(request.path_params["id"], token)
        option = body.get("valueInputOption", "INPUT_VALUE_OPTION_UNSPECIFIED")
        if option == "INPUT_VALUE_OPTION_UNSPECIFIED":
            raise invalid("'valueInputOption' is required but not specified")
        # All ranges or none: whatever is wrong is found before the first cell is written.
        changes = [
            change
            for index, part in enumerate(body.get("data", []))
            for change in _changes(file, index, part, parses=option == "USER_ENTERED")
        ]
        for grid, row, column, cell in changes:
            grid.put(row, column, cell)
        return {"spreadsheetId": file.id, "totalUpdatedCells": len(changes)}

    def _find(self, file_id: str, token: AccessToken) -> FakeSpreadsheet:
        for file in self.files:
            if file.id == file_id and file.owner == token.owner:
                return file
            if file.id == file_id:
                raise GoogleApiError("PERMISSION_DENIED", "The caller does not have permission")
        raise GoogleApiError("NOT_FOUND", "Requested entity was not found.")


def _check_query(query: Mapping[str, str]) -> None:
    for name in query:
        if name not in _PARAMETERS:
            raise invalid(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query'
                f" parameter. Field '{name}' could not be found in request message."
            )
    for name in query.get("fields", "*").split(","):
        if name not in _FIELDS:
            raise invalid("Request contains an invalid argument.")


def _read_json(request: Request, content: bytes) -> Json:
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("application/json"):
        raise invalid(f"Invalid content type: {kind}")
    try:
        body = json.loads(content)
    except ValueError as exc:
        raise invalid("Invalid JSON payload received. Unexpected token.") from exc
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received. Expected an object.")
    return body


def _changes(
    file: FakeSpreadsheet, index: int, part: Json, *, parses: bool
) -> list[tuple[SheetGrid, int, int, SheetCell]]:
    """Return the cells that a range of values writes."""
    text = part.get("range", "")
    title, first_row, first_column, last_row, last_column = parse_range(text)
    grid = file.sheet(title)
    last = (
        first_row if last_row is None else last_row,
        first_column if last_column is None else last_column,
    )
    if last[0] >= grid.rows or last[1] >= grid.columns:
        raise invalid(
            f"Invalid data[{index}]: Range ({text}) exceeds grid limits. Max rows: {grid.rows}, max"
            f" columns: {grid.columns}"
        )
    is_by_row = part.get("majorDimension", "ROWS") != "COLUMNS"
    changes = []
    for major, values in enumerate(part.get("values", [])):
        if not isinstance(values, list):
            raise invalid(f"Invalid value at 'data[{index}].values' (type ListValue), {values!r}")
        for minor, value in enumerate(values):
            down, across = (major, minor) if is_by_row else (minor, major)
            row, column = first_row + down, first_column + across
            if row > last[0] or column > last[1]:
                raise invalid(
                    f"Invalid data[{index}]: Requested writing within range [{text}], but tried"
                    f" writing to {'row' if row > last[0] else 'column'} [{row + 1}]"
                )
            if value is not None:
                cell = _cell(value, f"data[{index}].values[{major}][{minor}]", parses=parses)
                changes.append((grid, row, column, cell))
    return changes


def _cell(value: object, path: str, *, parses: bool) -> SheetCell:
    if isinstance(value, bool):
        return SheetCell(kind="boolean", value=value)
    if isinstance(value, int | float):
        return SheetCell(kind="number", value=value)
    if not isinstance(value, str):
        raise invalid(f"Invalid {path}: struct_value")
    is_formula = parses and value.startswith(_FORMULA)
    return SheetCell(kind="formula" if is_formula else "text", value=value)
