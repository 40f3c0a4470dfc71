"""The stand-in of Google Sheets answers as the public reference and reports of its users say.

https://developers.google.com/workspace/sheets/api/reference/rest and the examples of
.../sheets/api/samples/writing; messages of errors as people quote them in public issues.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kova_fakes.google import FakeGoogle, serve_google
from kova_fakes.google.sheets import DRIVE_FILE, AccessToken

Json = dict[str, Any]
TOKEN = "ya29.a-token"
HEADERS = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with serve_google() as fake:
        fake.sheets.tokens[TOKEN] = AccessToken(
            owner="zoe@example.com", scopes=frozenset({DRIVE_FILE})
        )
        yield fake


def post(google: FakeGoogle, path: str, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {"content-type": "application/json"}
    return httpx.post(f"{google.url}{path}", content=content, headers=HEADERS | kind | headers)


def create(google: FakeGoogle, body: object) -> httpx.Response:
    return post(google, "/v4/spreadsheets", body)


def new_sheet(google: FakeGoogle, rows: int = 3, columns: int = 2) -> str:
    size = {"rowCount": rows, "columnCount": columns}
    sheet = {"properties": {"title": "Full", "gridProperties": size}}
    answer = create(google, {"sheets": [sheet]})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["spreadsheetId"])


def write(google: FakeGoogle, key: str, body: object) -> httpx.Response:
    return post(google, f"/v4/spreadsheets/{key}/values:batchUpdate", body)


def refused(answer: httpx.Response, code: int, status: str, words: str) -> Json:
    error: Json = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (code, code, status)
    assert words in error["message"]
    return error


def test_a_spreadsheet_of_the_reference_is_made(google: FakeGoogle) -> None:
    answer = create(google, {"properties": {"title": "Sales"}})
    assert answer.status_code == 200
    body = answer.json()
    assert (
        body["spreadsheetUrl"]
        == f"https://docs.google.com/spreadsheets/d/{body['spreadsheetId']}/edit"
    )
    (file,) = google.sheets.files
    assert (file.title, file.owner) == ("Sales", "zoe@example.com")
    assert [(sheet.title, sheet.rows, sheet.columns) for sheet in file.sheets] == [
        ("Sheet1", 1_000, 26)
    ]


def test_the_values_of_the_reference_s_example_are_written(google: FakeGoogle) -> None:
    sheet = {"properties": {"title": "Sheet1"}}
    key = create(google, {"sheets": [sheet]}).json()["spreadsheetId"]
    body = {
        "valueInputOption": "RAW",
        "data": [
            {
                "range": "Sheet1!A1:A4",
                "majorDimension": "COLUMNS",
                "values": [["Item", "Wheel", "Door", "Engine"]],
            },
            {
                "range": "Sheet1!B1:D2",
                "majorDimension": "ROWS",
                "values": [["Cost", "Stocked", "Ship Date"], ["$20.50", 4, True]],
            },
        ],
    }
    answer = write(google, key, body)
    assert (answer.status_code, answer.json()["totalUpdatedCells"]) == (200, 10)
    values = google.sheets.files[0].sheet("Sheet1").values()
    assert [row[:4] for row in values] == [
        ["Item", "Cost", "Stocked", "Ship Date"],
        ["Wheel", "$20.50", 4, True],
        ["Door", None, None, None],
        ["Engine", None, None, None],
    ]


@pytest.mark.parametrize(("option", "kind"), [("RAW", "text"), ("USER_ENTERED", "formula")])
def test_only_what_is_parsed_becomes_a_formula(google: FakeGoogle, option: str, kind: str) -> None:
    key = new_sheet(google)
    data = [{"range": "Full!A1", "values": [["=SUM(1)"]]}]
    assert write(google, key, {"valueInputOption": option, "data": data}).status_code == 200
    assert google.sheets.files[0].sheet("Full").kinds() == {kind}


def test_a_field_that_a_message_does_not_have_is_refused(google: FakeGoogle) -> None:
    for body, name, place in (
        ({"requests": []}, "requests", ""),
        ({"properties": {"name": "x"}}, "name", "properties"),
        ({"sheets": [{"title": "x"}]}, "title", "sheets[0]"),
        (
            {"sheets": [{"properties": {"gridProperties": {"rows": 1}}}]},
            "rows",
            "sheets[0].properties.gridProperties",
        ),
        (
            {"sheets": [{"data": [{"rowData": [{"values": [{"value": "x"}]}]}]}]},
            "value",
            "sheets[0].data[0].rowData[0].values[0]",
        ),
    ):
        where = f" at '{place}'" if place else ""
        words = f'Unknown name "{name}"{where}: Cannot find field.'
        error = refused(create(google, body), 400, "INVALID_ARGUMENT", words)
        (detail,) = error["details"]
        assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
        assert detail["fieldViolations"][0]["description"] == error["message"]
    error = refused(
        write(google, new_sheet(google), {"values": []}), 400, "INVALID_ARGUMENT", '"values"'
    )
    assert google.sheets.files[-1].sheet("Full").values() == []


@pytest.mark.parametrize(
    "body",
    [
        [], "x", b"{", {"properties": "x"}, {"sheets": {}}, {"sheets": ["x"]},
        {"properties": {"title": 7}},
        {"sheets": [{"properties": {"gridProperties": {"rowCount": "3"}}}]},
        {"sheets": [{"properties": {"gridProperties": {"rowCount": True}}}]},
        {"sheets": [{"properties": {"gridProperties": {"rowCount": 2**31}}}]},
        {"sheets": [{"properties": {"title": ""}}]},
        {"sheets": [{"properties": {"title": "A"}}, {"properties": {"title": "a"}}]},
        {"sheets": [{"properties": {"title": "A", "sheetId": 1}}, {"properties": {"title": "B", "sheetId": 1}}]},
        {"sheets": [{"properties": {"gridProperties": {"rowCount": 1, "frozenRowCount": 1}}}]},
        {"sheets": [{"basicFilter": {"range": {"sheetId": 7, "endRowIndex": 2_000}}}]},
        {"sheets": [{"data": [{"rowData": [{"values": [{"userEnteredValue": {"stringValue": "x", "numberValue": 1}}]}]}]}]},
        {"sheets": [{"data": [{"startColumn": 26, "rowData": [{"values": [{"userEnteredValue": {"stringValue": "x"}}]}]}]}]},
        {"sheets": [{"data": [{"rowData": [{"values": [{"userEnteredValue": {"stringValue": "x" * 50_001}}]}]}]}]},
    ],
)  # fmt: skip
def test_what_is_no_spreadsheet_is_refused(google: FakeGoogle, body: object) -> None:
    refused(create(google, body), 400, "INVALID_ARGUMENT", "")
    assert google.sheets.files == []


def test_ten_million_cells_are_the_most(google: FakeGoogle) -> None:
    def size(rows: int) -> Json:
        grid = {"rowCount": rows, "columnCount": 1_000}
        return {"sheets": [{"properties": {"gridProperties": grid}}]}

    assert create(google, size(10_000)).status_code == 200
    refused(create(google, size(10_001)), 400, "INVALID_ARGUMENT", "limit of 10000000 cells")


def test_a_known_field_that_is_not_modelled_says_so(google: FakeGoogle) -> None:
    refused(create(google, {"namedRanges": []}), 501, "UNIMPLEMENTED", "namedRanges")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"range": "Full!A4", "values": [[1]]}, "exceeds grid limits. Max rows: 3, max columns: 2"),
        ({"range": "Full!A1:C1", "values": [[1]]}, "exceeds grid limits"),
        ({"range": "Full!A1", "values": [[1], [2]]}, "within range [Full!A1], but tried writing"),
        ({"range": "Full!A1:A2", "values": [[1, 2]]}, "tried writing to column"),
        ({"range": "None!A1", "values": [[1]]}, "Unable to parse range"),
        ({"range": "Full!", "values": [[1]]}, "Unable to parse range"),
        ({"range": "Full data!A1", "values": [[1]]}, "Unable to parse range"),
        ({"range": "Full!A1", "values": [[{"stringValue": "x"}]]}, "struct_value"),
        ({"range": "Full!A1", "values": ["x"]}, "ListValue"),
        ({"range": "Full!A1", "majorDimension": "ACROSS", "values": [[1]]}, "majorDimension"),
    ],
)
def test_a_range_that_does_not_fit_is_refused_and_nothing_is_written(
    google: FakeGoogle, data: Json, words: str
) -> None:
    key = new_sheet(google)
    good = {"range": "'Full'!B3", "values": [["kept out"]]}
    body = {"valueInputOption": "RAW", "data": [good, data]}
    refused(write(google, key, body), 400, "INVALID_ARGUMENT", words)
    assert google.sheets.files[0].sheet("Full").values() == []


@pytest.mark.parametrize("option", [None, "INPUT_VALUE_OPTION_UNSPECIFIED", "raw"])
def test_how_values_are_read_must_be_named(google: FakeGoogle, option: str | None) -> None:
    body: Json = {"data": [{"range": "Full!A1", "values": [[1]]}]}
    if option is not None:
        body["valueInputOption"] = option
    refused(write(google, new_sheet(google), body), 400, "INVALID_ARGUMENT", "alueInputOption")


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer other", f"bearer {TOKEN}", f"Basic {TOKEN}"]
)
def test_a_request_without_a_good_token_is_refused(google: FakeGoogle, authorization: str) -> None:
    answer = post(google, "/v4/spreadsheets", {}, authorization=authorization)
    refused(answer, 401, "UNAUTHENTICATED", "invalid authentication credentials")


def test_a_token_of_another_scope_and_a_project_without_the_api_are_refused(
    google: FakeGoogle,
) -> None:
    google.sheets.tokens[TOKEN] = AccessToken(owner="a", scopes=frozenset({"openid"}))
    error = refused(create(google, {}), 403, "PERMISSION_DENIED", "insufficient authentication")
    assert error["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    google.sheets.is_enabled = False
    error = refused(create(google, {}), 403, "PERMISSION_DENIED", "has not been used in project")
    assert error["details"][0]["reason"] == "SERVICE_DISABLED"


def test_the_quota_of_a_minute_ends(google: FakeGoogle) -> None:
    google.sheets.writes_left = 1
    assert create(google, {}).status_code == 200
    error = refused(create(google, {}), 429, "RESOURCE_EXHAUSTED", "Quota exceeded")
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"


def test_a_file_of_somebody_else_and_none_at_all_are_refused(google: FakeGoogle) -> None:
    body = {"valueInputOption": "RAW", "data": []}
    refused(write(google, "none", body), 404, "NOT_FOUND", "not found")
    key = new_sheet(google)
    google.sheets.files[0].owner = "other@example.com"
    refused(write(google, key, body), 403, "PERMISSION_DENIED", "does not have permission")


def test_parameters_and_masks_are_read(google: FakeGoogle) -> None:
    answer = post(google, "/v4/spreadsheets?fields=spreadsheetId", {})
    assert list(answer.json()) == ["spreadsheetId"]
    for query in ("fields=nothing", "title=x", "fields=spreadsheetId, spreadsheetUrl"):
        refused(post(google, f"/v4/spreadsheets?{query}", {}), 400, "INVALID_ARGUMENT", "")
    answer = post(google, "/v4/spreadsheets", {}, **{"content-type": "text/plain"})
    refused(answer, 400, "INVALID_ARGUMENT", "content type")


CONSENT = {
    "response_type": "code",
    "client_id": "1234-abc.apps.googleusercontent.com",
    "redirect_uri": "http://localhost/back",
    "scope": DRIVE_FILE,
    "state": "a-state-of-some-length",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
    "access_type": "online",
}
# https://www.rfc-editor.org/rfc/rfc7636#appendix-B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.mark.parametrize(
    ("field", "text", "error"),
    [
        ("client_id", "other", "invalid_client"),
        ("redirect_uri", "http://localhost/other", "redirect_uri_mismatch"),
        ("scope", "https://www.googleapis.com/auth/drive", "invalid_scope"),
        ("scope", "", "invalid_request"),
        ("state", "short", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("access_type", "for ever", "invalid_request"),
        ("prompt", "please", "invalid_request"),
        ("response_type", "token", "invalid_request"),
    ],
)
def test_a_consent_that_is_not_asked_for_well_is_an_error_page(
    google: FakeGoogle, field: str, text: str, error: str
) -> None:
    google.redirect_uris = [CONSENT["redirect_uri"]]
    answer = httpx.get(f"{google.url}/o/oauth2/v2/auth", params={**CONSENT, field: text})
    assert answer.status_code == 400
    assert error in answer.text
    assert google.grants == {}


def consented(google: FakeGoogle, **fields: str) -> Json:
    """Return the form with which a client exchanges what somebody consented to."""
    from kova_fakes.google.tokens import GoogleAccount

    google.redirect_uris = [CONSENT["redirect_uri"]]
    google.account = GoogleAccount(address="zoe@example.com")
    answer = httpx.get(f"{google.url}/o/oauth2/v2/auth", params={**CONSENT, **fields})
    assert answer.status_code == 302, answer.text
    return {
        "grant_type": "authorization_code",
        "code": httpx.URL(answer.headers["location"]).params["code"],
        "redirect_uri": CONSENT["redirect_uri"],
        "client_id": google.client_id,
        "client_secret": google.client_secret,
        "code_verifier": VERIFIER,
    }


def exchange(google: FakeGoogle, form: Json) -> httpx.Response:
    return httpx.post(f"{google.url}/token", data=form)


def test_a_code_is_exchanged_once_for_a_token_of_its_scope(google: FakeGoogle) -> None:
    form = consented(google)
    answer = exchange(google, form)
    assert answer.status_code == 200
    body = answer.json()
    assert {name: body[name] for name in ("scope", "token_type")} == {
        "scope": DRIVE_FILE, "token_type": "Bearer",
    }  # fmt: skip
    assert "id_token" not in body
    assert "refresh_token" not in body
    assert google.sheets.tokens[body["access_token"]].owner == "zoe@example.com"
    again = exchange(google, form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    offline = exchange(google, consented(google, access_type="offline")).json()
    assert "refresh_token" in offline


@pytest.mark.parametrize(
    ("field", "text", "error"),
    [
        ("code_verifier", None, "invalid_grant"),
        ("code_verifier", "x" * 43, "invalid_grant"),
        ("code", "4/none", "invalid_grant"),
        ("redirect_uri", "http://localhost/other", "redirect_uri_mismatch"),
        ("client_secret", "other", "invalid_client"),
        ("grant_type", "password", "unsupported_grant_type"),
    ],
)
def test_an_exchange_that_is_not_the_client_s_is_refused(
    google: FakeGoogle, field: str, text: str | None, error: str
) -> None:
    form = consented(google)
    form = {name: value for name, value in {**form, field: text}.items() if value is not None}
    answer = exchange(google, form)
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] == error
    assert TOKEN in google.sheets.tokens
    assert len(google.sheets.tokens) == 1
