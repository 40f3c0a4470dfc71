"""Exporting to Google Sheets, from the outside: the way through, and every way that is none."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from kova.access.sign_in import LOCAL_OWNER
from kova.access.subject import Role
from kova.adapters.google_sheets import SCOPE
from kova.bootstrap.core import Core
from kova.bootstrap.reports import ReportRoot
from kova.bootstrap.settings import load_settings
from kova.reports import gather_tables
from kova.shared.exceptions import RateLimitedError
from kova.shared.reach import reach_of
from tests.dashboard.conftest import ADDRESS, Visitor
from tests.reports.conftest import CALLBACK, SheetDesk, check_refusal, make_sheets, only_file

CODE = "BAD(x)\nBAD(y)\nBAD[R2](z)"
SHEET = re.compile(r'href="(https://docs\.google\.com/spreadsheets/d/([\w-]+))"')


async def sheet_page(desk: SheetDesk, visitor: object, answer: httpx.Response) -> str:
    """Follow the answer of a good export, and return the page that leads to the sheet."""
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert location.startswith("/ui/reports/google/done?")
    page: str = await visitor.get(location)  # type: ignore[attr-defined]
    return page


async def test_errors_become_a_sheet_in_the_person_s_own_drive(desk: SheetDesk) -> None:
    await desk.house.scan(code=CODE)
    viewer = await desk.visitor()
    page = await viewer.get("/ui/errors?rule=R1")
    assert 'href="/ui/reports/errors?status=open&amp;rule=R1"' in page
    offer = await viewer.get("/ui/reports/errors?status=open&rule=R1")
    assert "2 errors, the newest first" in offer
    assert 'href="/ui/reports/google?status=open&amp;rule=R1"' in offer
    answer = await desk.export(viewer, "status=open&rule=R1")
    page = await sheet_page(desk, viewer, answer)
    file = only_file(desk)
    assert SHEET.findall(page) == [(f"https://docs.google.com/spreadsheets/d/{file.id}", file.id)]
    assert (file.owner, file.title[:11]) == ("zoe@example.com", "Kova errors")
    (sheet,) = file.sheets
    assert (sheet.frozen_rows, sheet.has_filter, sheet.rows) == (1, True, 3)
    header, *rows = sheet.values()
    assert header[:3] == ["Repository", "Severity", "Status"]
    assert sheet.cells[0, 0].bold
    assert [row[:3] for row in rows] == [["octo/sample", "high", "open"]] * 2
    assert {row[header.index("Line")] for row in rows} == {1, 2}
    assert await desk.audit() == [
        (
            "google:viewer@example.com", "errors.exported", file.id,
            {"status": "open", "rule": "R1", "rows": 2},
        )
    ]  # fmt: skip
    assert desk.google.refusals == desk.google.sheets.refusals == []


async def test_a_month_becomes_a_sheet_of_its_parts(desk: SheetDesk) -> None:
    await desk.house.scan(code=CODE)
    viewer = await desk.visitor()
    month = f"{desk.house.reports.now():%Y-%m}"
    page = await viewer.get(f"/ui/reports/month?month={month}")
    assert f'href="/ui/reports/google?month={month}"' in page
    await sheet_page(desk, viewer, await desk.export(viewer, f"month={month}"))
    file = only_file(desk)
    assert file.title == f"Kova report {month}"
    titles = [sheet.title for sheet in file.sheets]
    assert titles == ["Errors", "Fixes", "Time to fix", "Models", "Scans"]
    assert file.sheet("Errors").values()[1] == ["octo/sample", "high", 3, 3, 0]
    assert file.sheet("Fixes").frozen_rows == 1
    ((_, action, target, detail),) = await desk.audit()
    assert (action, target, detail) == ("report.exported", file.id, {"month": month, "rows": 2})


async def test_google_is_asked_for_one_scope_without_a_lasting_token(desk: SheetDesk) -> None:
    viewer = await desk.visitor()
    begun = await desk.press(viewer)
    query = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}  # fmt: skip
    assert query["scope"] == SCOPE == "https://www.googleapis.com/auth/drive.file"
    assert query["access_type"] == "online"
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == CALLBACK
    assert query["login_hint"] == "viewer@example.com"
    assert "prompt" not in query
    assert "include_granted_scopes" not in query
    assert begun.headers["cache-control"] == "no-store"
    await viewer.client.get(await desk.consent(begun))
    (token,) = desk.google.sheets.tokens.values()
    assert token.scopes == {SCOPE}


async def test_who_did_not_sign_in_with_google_chooses_an_account(desk: SheetDesk) -> None:
    opened = await desk.house.people.begin(LOCAL_OWNER, "a test")
    client = httpx.AsyncClient(
        transport=desk.house.client._transport, base_url=ADDRESS, cookies={"kova": opened.token}
    )
    visitor = Visitor(client=client, token=opened.token)
    desk.house.visitors.append(visitor)
    await sheet_page(desk, visitor, await desk.export(visitor))
    consent = desk.google.consents[-1]
    assert consent["prompt"] == "select_account"
    assert "login_hint" not in consent
    # The session is what it was.
    assert (await desk.house.people.resume(opened.token)) is not None
    assert [event[0] for event in await desk.audit()] == ["local:owner"]


async def test_a_workspace_is_asked_for_where_one_is_configured(desk: SheetDesk) -> None:
    desk.house.reports.sheets = make_sheets(
        desk.house, desk.google, desk.http, hosted_domain="example.com"
    )
    await desk.export(await desk.visitor())
    assert desk.google.consents[-1]["hd"] == "example.com"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "=IMPORTXML(A1)", "'=1", "<b>&"])
async def test_no_text_of_a_repository_becomes_a_formula(desk: SheetDesk, text: str) -> None:
    await desk.house.scan(code="BAD(x)", path=f"{text}.py")
    viewer = await desk.visitor()
    await desk.export(viewer)
    (sheet,) = only_file(desk).sheets
    assert "formula" not in sheet.kinds()
    header, row = sheet.values()
    assert row[header.index("Path")] == f"{text}.py"


async def test_only_what_is_in_reach_is_exported(desk: SheetDesk) -> None:
    await desk.house.scan("octo/open", "BAD(x)")
    await desk.house.scan("octo/vault", "BAD(y)", "secret.py")
    member = await desk.visitor(Role.MEMBER, reach_of(["octo/open"]))
    for query in ("status=any", "repository=octo/vault"):
        await desk.export(member, query)
    tables = [sheet.values() for file in desk.google.sheets.files for sheet in file.sheets]
    assert [len(rows) for rows in tables] == [2, 1]
    assert "vault" not in str(tables)
    month = f"{desk.house.reports.now():%Y-%m}"
    await desk.export(member, f"month={month}")
    assert "vault" not in str([sheet.values() for sheet in desk.google.sheets.files[-1].sheets])


async def test_an_empty_list_is_a_sheet_with_a_header(desk: SheetDesk) -> None:
    viewer = await desk.visitor()
    page = await sheet_page(desk, viewer, await desk.export(viewer))
    assert "0 rows" in page
    (sheet,) = only_file(desk).sheets
    assert len(sheet.values()) == 1


async def test_many_rows_arrive_in_several_writes_and_the_page_says_what_was_cut(
    desk: SheetDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather_tables, "MOST_ERRORS", 2_300)
    code = "\n".join(f"BAD(x{number})" for number in range(2_400))
    await desk.house.scan(code=code, path=f"{'folder/' * 80}a.py")
    viewer = await desk.visitor()
    page = await sheet_page(desk, viewer, await desk.export(viewer))
    assert "2,300 rows, the newest of more" in page
    (sheet,) = only_file(desk).sheets
    rows = sheet.values()
    assert len(rows) == 2_301
    assert all(row[0] == "octo/sample" for row in rows[1:])
    assert len({row[-1] for row in rows[1:]}) == 2_300
    assert desk.google.sheets.writes_left == 60 - 1 - 2
    ((_, _, _, detail),) = await desk.audit()
    assert (detail["rows"], detail["cut"]) == (2_300, True)


async def test_who_does_not_consent_gets_nothing_and_is_told_so(desk: SheetDesk) -> None:
    desk.google.account = None
    answer = await desk.export(await desk.visitor(), "status=open&path=a.py")
    check_refusal(answer, 403, "You did not allow Kova to make a sheet")
    assert 'href="/ui/reports/errors?status=open&amp;path=a.py"' in answer.text
    assert 'href="/ui/reports/errors.csv?status=open&amp;path=a.py"' in answer.text
    assert (desk.google.sheets.files, await desk.audit()) == ([], [])


async def test_a_consent_to_something_else_is_not_used(desk: SheetDesk) -> None:
    desk.google.unticked = frozenset({SCOPE})
    answer = await desk.export(await desk.visitor())
    check_refusal(answer, 403, "was not ticked")
    assert (desk.google.sheets.files, await desk.audit()) == ([], [])
    assert desk.google.sheets.writes_left == 60  # Nothing was asked with such a token.


async def test_a_way_back_works_once(desk: SheetDesk) -> None:
    viewer = await desk.visitor()
    location = await desk.consent(await desk.press(viewer))
    answers = await asyncio.gather(*(viewer.client.get(location) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403]
    again = await viewer.client.get(location)
    assert again.status_code == 403
    assert "This export is done" in again.text
    assert len(desk.google.sheets.files) == len(await desk.audit()) == 1


async def test_a_way_back_of_another_session_is_refused_and_gone(desk: SheetDesk) -> None:
    viewer, other = await desk.visitor(), await desk.visitor()
    location = await desk.consent(await desk.press(viewer))
    answer = await other.client.get(location)
    assert answer.status_code == 403
    assert (await viewer.client.get(location)).status_code == 403
    assert desk.google.sheets.files == []


async def test_nobody_s_way_back_leads_to_sign_in(desk: SheetDesk) -> None:
    location = await desk.consent(await desk.press(await desk.visitor()))
    nobody = await desk.house.visitor(None)
    answer = await nobody.client.get(location)
    assert answer.headers["location"].startswith("/auth/sign-in?next=")
    assert desk.google.sheets.files == []


async def test_a_code_of_somebody_else_is_refused(desk: SheetDesk) -> None:
    victim, attacker = await desk.visitor(), await desk.visitor()
    stolen = httpx.URL(await desk.consent(await desk.press(victim))).params["code"]
    own = httpx.URL(await desk.consent(await desk.press(attacker)))
    answer = await attacker.client.get(str(own.copy_set_param("code", stolen)))
    assert answer.status_code == 403  # PKCE: the code was asked for with another secret.
    assert desk.google.refusals[-1].startswith("invalid_grant")
    assert desk.google.sheets.files == []


@pytest.mark.parametrize(
    "query",
    ["", "state=", "state=x&code=y", f"state={'a' * 5_000}&code=y", "state=%00&code=%00", "code=y"],
)
async def test_what_google_never_sends_is_refused(desk: SheetDesk, query: str) -> None:
    viewer = await desk.visitor()
    answer = await viewer.client.get(f"/ui/reports/google/callback?{query}")
    assert answer.status_code == 403, answer.text
    assert "begin anew" in answer.text


@pytest.mark.parametrize("code", ["", "a" * 5_000])
async def test_a_way_back_without_a_usable_code_is_refused(desk: SheetDesk, code: str) -> None:
    viewer = await desk.visitor()
    location = httpx.URL(await desk.consent(await desk.press(viewer)))
    answer = await viewer.client.get(str(location.copy_set_param("code", code)))
    check_refusal(answer, 403, "begin anew")


async def test_a_link_on_another_site_begins_nothing(desk: SheetDesk) -> None:
    viewer = await desk.visitor()
    for site in ("cross-site", "same-site"):
        answer = await desk.press(viewer, "path=a.py", **{"sec-fetch-site": site})
        assert answer.headers["location"] == "/ui/reports/errors?status=open&path=a.py"
    answer = await desk.press(viewer, "month=2026-03", **{"sec-fetch-site": "cross-site"})
    assert answer.headers["location"] == "/ui/reports/month?month=2026-03"
    answer = await desk.press(viewer, **{"sec-fetch-site": "same-origin"})
    assert answer.headers["location"].startswith(desk.google.url)


@pytest.mark.parametrize("query", ["month=2026-99", "month=", "status=gone", "severity=none"])
async def test_what_is_no_export_begins_nothing(desk: SheetDesk, query: str) -> None:
    answer = await desk.press(await desk.visitor(), query)
    assert answer.status_code == 400, answer.text


async def test_a_page_leads_to_a_sheet_of_this_session_alone(desk: SheetDesk) -> None:
    viewer, other = await desk.visitor(), await desk.visitor()
    location = (await desk.export(viewer)).headers["location"]
    assert (await viewer.client.get(location)).status_code == 200
    assert (await other.client.get(location)).status_code == 404
    sheet = only_file(desk).id
    for harm in (
        location.replace(sheet, "x" * 44),
        location.replace("rows=0", "rows=9"),
        location.replace("cut=0", "cut=1"),
        re.sub(r"mark=\w+", "mark=", location),
        re.sub(r"mark=\w+", "mark=%C3%A4", location),
        "/ui/reports/google/done",
        "/ui/reports/google/done?sheet=../../evil&rows=x&cut=0&mark=" + "0" * 32,
    ):
        answer = await viewer.client.get(harm)
        assert answer.status_code == 404, harm
        assert "docs.google.com" not in answer.text


async def test_where_google_is_not_configured_the_csv_is_there_alone(desk: SheetDesk) -> None:
    desk.house.reports.sheets = None
    viewer = await desk.visitor()
    for path in ("/ui/reports/errors", "/ui/reports/month"):
        page = await viewer.get(path)
        assert "Download the CSV" in page
        assert "Google" not in page
    for path in ("/ui/reports/google", "/ui/reports/google/callback?state=a&code=b"):
        answer = await viewer.client.get(path)
        assert answer.status_code == 404
        assert "docs/google-sheets.md" in answer.text


async def test_no_secret_is_logged_stored_or_shown(
    desk: SheetDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    viewer = await desk.visitor()
    begun = await desk.press(viewer)
    location = await desk.consent(begun)
    stored = str(vars(desk.house.reports.sheets._attempts))
    answer = await viewer.client.get(location)
    page = await viewer.get(answer.headers["location"])
    (token,) = desk.google.sheets.tokens
    left = str(vars(desk.house.reports.sheets._attempts))
    verifier = re.search(r"'verifier': '([^']+)'", stored)
    assert verifier is not None
    challenge = parse_qs(urlsplit(begun.headers["location"]).query)["code_challenge"][0]
    digest = hashlib.sha256(verifier[1].encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
    ours = [record for record in caplog.records if not record.name.startswith("httpcore")]
    everything = "\n".join(
        [page, str(answer.headers), left, stored, *(str(vars(record)) for record in ours)]
    )
    assert token not in everything
    assert desk.google.client_secret not in everything
    assert verifier[1] not in left


async def test_exports_of_one_person_are_counted() -> None:
    root = ReportRoot(Core(load_settings({"KOVA_ENV": "local"})))
    for _ in range(20):
        await root.admit_export("google:a@example.com", lambda _: None)
    with pytest.raises(RateLimitedError):
        await root.admit_export("google:a@example.com", lambda _: None)
    await root.admit_export("google:b@example.com", lambda _: None)
