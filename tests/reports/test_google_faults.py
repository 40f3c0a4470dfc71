"""Exporting to a Google that is away, busy, odd or slow: it is said, and what to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kova.adapters.google_sheets import SCOPE
from kova_fakes.google.api_errors import with_reason
from kova_fakes.serving import serving
from tests.reports.conftest import SheetDesk, check_refusal, make_sheets, only_file


def google_error(status: str, reason: str = "X") -> Callable[[Request], Response]:
    return lambda _: with_reason(status, "no", reason).response()


FAULTS: dict[str, tuple[Callable[[Request], Response | None], int, str]] = {
    "quota": (google_error("RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"), 429, "wait a minute"),
    "quota as 403": (google_error("PERMISSION_DENIED", "RATE_LIMIT_EXCEEDED"), 429, "wait a"),
    "forbidden": (google_error("PERMISSION_DENIED"), 403, "your organisation may forbid it"),
    "disabled": (google_error("PERMISSION_DENIED", "SERVICE_DISABLED"), 403, "not switched on"),
    "scope": (
        google_error("PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), 403, "not ticked",
    ),
    "token": (google_error("UNAUTHENTICATED"), 503, "try again in a minute"),
    "argument": (google_error("INVALID_ARGUMENT"), 403, "does not take this sheet"),
    "away": (google_error("UNAVAILABLE"), 503, "try again in a minute"),
    "a page": (lambda _: PlainTextResponse("<html>", 502), 503, "try again in a minute"),
    "a redirect": (
        lambda _: Response(status_code=302, headers={"location": "https://evil.example"}), 403, "302",
    ),
    "no id": (lambda _: JSONResponse({}), 503, "names no spreadsheet"),
    "a list": (lambda _: JSONResponse([]), 503, "names no spreadsheet"),
    "an odd id": (lambda _: JSONResponse({"spreadsheetId": "../../evil"}), 503, "names no"),
    "an id as a number": (lambda _: JSONResponse({"spreadsheetId": 7}), 503, "names no"),
    "a large answer": (
        lambda _: JSONResponse({"spreadsheetId": "x" * 400_000}), 503, "names no spreadsheet",
    ),
    "deep details": (
        lambda _: JSONResponse({"error": {"details": [[], {"reason": 7}, None]}}, 403), 403, "Drive",
    ),
    "details of no kind": (lambda _: JSONResponse({"error": "x"}, 403), 403, "Drive"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
async def test_what_goes_wrong_at_google_is_said_with_what_to_do(
    desk: SheetDesk, name: str
) -> None:
    fault, status, words = FAULTS[name]
    desk.google.sheets.fault = fault
    answer = await desk.export(await desk.visitor())
    check_refusal(answer, status, words)
    assert "Back to the export" in answer.text
    assert ("retry-after" in answer.headers) is (status in {429, 503})
    assert await desk.audit() == []


async def test_a_google_that_cannot_be_reached_is_said(desk: SheetDesk) -> None:
    viewer = await desk.visitor()
    sheets = make_sheets(desk.house, desk.google, desk.http, api_url="http://127.0.0.1:1")
    desk.house.reports.sheets = sheets
    check_refusal(await desk.export(viewer), 503, "try again in a minute")
    desk.google.document["issuer"] = "https://evil.example"
    desk.house.reports.sheets = make_sheets(desk.house, desk.google, desk.http)
    answer = await desk.press(viewer)
    assert answer.status_code == 503
    assert "Google Sheets does not answer" in answer.text


async def test_a_google_that_hangs_ends_with_the_time_of_the_export(desk: SheetDesk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        desk.house.reports.sheets = make_sheets(
            desk.house, desk.google, desk.http, api_url=f"http://127.0.0.1:{port}", seconds=0.5
        )
        async with asyncio.timeout(10):
            check_refusal(await desk.export(await desk.visitor()), 503, "try again in a minute")


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, {"error": "invalid_client"}), (500, {}), (200, {"scope": SCOPE}), (200, {})],
)
async def test_odd_answers_of_the_token_endpoint_make_no_sheet(
    desk: SheetDesk, status: int, body: dict[str, str]
) -> None:
    async def answer(_: Request) -> Response:
        return JSONResponse(body, status)

    with serving(Starlette(routes=[Route("/token", answer, methods=["POST"])])) as address:
        desk.google.document["token_endpoint"] = f"{address}/token"
        refusal = await desk.export(await desk.visitor())
    assert refusal.status_code in {403, 503}
    assert desk.google.sheets.files == []
    assert desk.google.sheets.writes_left == 60


async def test_a_sheet_that_google_takes_in_part_is_named_and_recorded(desk: SheetDesk) -> None:
    await desk.house.scan(code="BAD(x)")
    calls: list[str] = []

    def break_off(request: Request) -> Response | None:
        calls.append(request.url.path)
        return with_reason("UNAVAILABLE", "no", "X").response() if len(calls) > 1 else None

    desk.google.sheets.fault = break_off
    answer = await desk.export(await desk.visitor())
    assert answer.status_code == 503
    assert "The sheet is not complete" in answer.text
    assert "delete it" in answer.text
    file = only_file(desk)
    assert f'href="https://docs.google.com/spreadsheets/d/{file.id}"' in answer.text
    ((_, _, target, detail),) = await desk.audit()
    assert (target, detail["complete"]) == (file.id, False)
