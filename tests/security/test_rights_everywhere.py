"""Whoever may see one repository sees nothing of another one, on any way to data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from kova.shared.page import Position
from kova.web.dependencies import encode_cursor
from tests.rights.conftest import INSIDE, OUTSIDE, Rights
from tests.rights.routes import form, page
from tests.security.conftest import Unchanged
from tests.security.outside import MARK, MONTH, assert_nothing_of_outside, call, run_marked


@pytest.fixture(scope="module")
def rights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rights]:
    with run_marked(tmp_path_factory.mktemp("everywhere")) as product:
        yield product


def positions(rights: Rights) -> dict[str, str]:
    """Return cursors: another key's, one made up to stand before an error outside, an old one."""
    foreign = call(rights, "GET", "/api/errors?limit=1", key="everything").json()["next_cursor"]
    future = Position(at=datetime(2100, 1, 1, tzinfo=UTC), id=rights.things[OUTSIDE]["error"])
    last = Position(at=future.at, id="ffffffff-ffff-4fff-bfff-ffffffffffff")
    return {
        "others": foreign,
        "made_up": str(encode_cursor(future)),
        "last": str(encode_cursor(last)),
    }


LISTS = {
    "a filter by the other's name": "/api/errors?repository=octo/outside",
    "its name in capitals": "/api/fixes?repository=OCTO/OUTSIDE",
    "both names": "/api/scans?repository=octo/inside&repository=octo/outside",
    "both names, the other order": "/api/scans?repository=octo/outside&repository=octo/inside",
    "no name": "/api/errors?repository=",
    "a name with a pattern": "/api/errors?repository=octo/%25",
    "a path outside": "/api/errors?path=zqoutside/a.py",
    "a rule that is outside alone": "/api/errors?rule=R7&limit=100",
    "an analyser that is outside alone": "/api/errors?analyzer=zizmor",
    "a cursor of another key": "/api/errors?cursor={others}",
    "a cursor before what is outside": "/api/errors?cursor={made_up}",
    "a cursor before everything": "/api/errors?limit=100&cursor={last}",
    "a cursor of another list": "/api/scans?cursor={others}",
    "a cursor of another list, for repositories": "/api/repositories?cursor={last}",
    "a cursor for questions": "/ai/commands?cursor={last}",
    "everybody's questions": "/ai/commands?limit=100",
    "what a month cost": f"/api/usage?month={MONTH}",
    "another scan's log": "/api/scans/{scan}/sarif",
    "its own scan's log": "/api/scans/{inside_scan}/sarif",
    "what chats were told": "/api/notices",
}


@pytest.mark.parametrize("name", LISTS)
def test_no_list_leads_a_key_out_of_its_reach(rights: Rights, name: str) -> None:
    places = {**rights.things[OUTSIDE], **positions(rights)}
    places["inside_scan"] = rights.things[INSIDE]["scan"]
    path = LISTS[name].format(**places)
    answer = call(rights, "GET", path)
    assert answer.status_code in {200, 403, 404}
    assert_nothing_of_outside(rights, answer.text, sent=path)
    rows = answer.json().get("items", [])
    assert {row["repository"] for row in rows if row.get("repository")} <= {INSIDE}


def test_page_by_page_a_key_comes_through_its_own_rows_alone(rights: Rights) -> None:
    for path in ("/api/errors", "/api/scans", "/api/fixes", "/api/repositories", "/ai/commands"):
        rows: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            joiner = f"&cursor={cursor}" if cursor else ""
            answer = call(rights, "GET", f"{path}?limit=1{joiner}").json()
            rows += answer["items"]
            cursor = answer["next_cursor"]
        assert rows
        assert_nothing_of_outside(rights, json.dumps(rows))


def test_of_a_month_a_key_sees_its_own_costs_and_no_other_key(rights: Rights) -> None:
    usage = call(rights, "GET", f"/api/usage?month={MONTH}").json()
    own = rights.keys["inside"].split("_")[1]
    assert {row["repository"] for row in usage["items"]} <= {INSIDE, None}
    assert {row["key_prefix"] for row in usage["items"]} <= {own, None}
    assert "total" not in {budget["kind"] for budget in usage["budgets"]}


PAGES: dict[str, tuple[str, int]] = {
    "the figures of the first page": ("/", 200),
    "errors of the other": ("/ui/errors?status=any&repository=octo/outside", 200),
    "errors at a path of the other": ("/ui/errors?status=any&path=zqoutside/a.py", 200),
    "errors of an analyser": ("/ui/errors?status=any&analyzer=zizmor", 200),
    "errors behind another's cursor": ("/ui/errors?status=any&cursor={others}", 200),
    "errors behind a cursor of one's own": ("/ui/errors?status=any&cursor={last}", 200),
    "the part of an error's page": ("/ui/errors/{error}/live", 404),
    "the part of a fix's page": ("/ui/fixes/{fix}/live?since=1", 404),
    "the part of a scan's page": ("/ui/scans/{scan}/live", 404),
    "an id in capitals": ("/ui/errors/{error_upper}", 404),
    "the rows of scans alone": ("/ui/scans?part=rows&repository=octo/outside", 200),
    "all rows of scans": ("/ui/scans?part=rows&cursor={last}", 200),
    "fixes of the other": ("/ui/fixes?repository=octo/outside", 200),
    "fixes behind a cursor": ("/ui/fixes?cursor={last}", 200),
    "repositories behind a cursor": ("/ui/repositories?cursor={last}", 200),
    "a repository in capitals": ("/ui/repositories/OCTO/Outside", 404),
    "what a month cost": (f"/ui/usage?month={MONTH}", 200),
    "how many errors an export has": ("/ui/reports/errors?status=any", 200),
    "how many the other's has": ("/ui/reports/errors?status=any&repository=octo/outside", 200),
    "the report of a month": (f"/ui/reports/month?month={MONTH}", 200),
    "a question about an error of the other": ("/ui/ask?error={error}", 200),
    "what somebody asked": ("/ui/ask/{command}", 404),
    "a sheet of somebody": (f"/ui/reports/google/done?sheet={MARK}&rows=1&cut=0&mark=0", 404),
}


@pytest.mark.parametrize("name", PAGES)
def test_no_page_and_no_part_of_one_shows_a_person_more(rights: Rights, name: str) -> None:
    path, status = PAGES[name]
    ids = rights.things[OUTSIDE]
    places = {**ids, **positions(rights), "error_upper": ids["error"].upper()}
    path = path.format(**places)
    answer = rights.call("GET", page(path), INSIDE, session="member inside")
    assert answer.status_code == status
    # What was typed stands in fields and in addresses again.
    typed = path + OUTSIDE if "outside" in path.lower() else path
    assert_nothing_of_outside(rights, answer.text, sent=typed)


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("/ui/reports/errors.csv?status=any", 1),
        ("/ui/reports/errors.csv?status=any&repository=octo/outside", 0),
        ("/ui/reports/errors.csv?status=any&analyzer=zizmor", 0),
        (f"/ui/reports/month.csv?month={MONTH}", None),
    ],
    ids=["all errors", "errors of the other", "errors of an analyser", "a month"],
)
def test_an_export_takes_along_what_its_person_sees(
    rights: Rights, path: str, rows: int | None
) -> None:
    answer = rights.call("GET", page(path), INSIDE, session="member inside")
    assert answer.status_code == 200
    assert_nothing_of_outside(rights, answer.text, sent=answer.headers["content-disposition"])
    table = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows is None or len(table) == rows + 1
    assert not [row for row in table if row and row[-1] in {"1041", "1042"}]


BUTTONS: dict[str, tuple[str, Mapping[str, str], int]] = {
    "ignore": ("/ui/errors/{error}/ignore", {"reason": "r"}, 404),
    "ignore several": ("/ui/errors/ignore", {"id": "{error}", "reason": "r"}, 404),
    "open again": ("/ui/errors/{error}/open", {}, 404),
    "publish": ("/ui/fixes/{fix}/publish", {}, 404),
    "scan": ("/ui/scans", {"repository": OUTSIDE}, 404),
    "scan in capitals": ("/ui/scans", {"repository": OUTSIDE.upper()}, 404),
    "settings": ("/ui/repositories/octo/outside", {"auto_fix": "off", "fail_on": "low"}, 403),
    "make a key": ("/ui/keys", {"name": "k", "scope": "admin"}, 403),
    "end another's session": ("/auth/sessions/{admin_session}/revoke", {}, 404),
    "delete another's view": ("/ui/views/{view}/delete", {}, 404),
}


@pytest.mark.parametrize("name", BUTTONS)
def test_no_button_reaches_further_than_its_person(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    rights.call("POST", form("/ui/views", name="mine", severity="high"), INSIDE, session="admin")
    with psycopg.connect(rights.kova.environment["KOVA_DATABASE_URL"]) as connection:
        (view,) = connection.execute("SELECT id::text FROM saved_views").fetchone() or ("",)
    places = rights.things[OUTSIDE] | {
        "view": view,
        "admin_session": rights.sessions["admin"].session.id,
    }
    path, fields, status = BUTTONS[name]
    path = path.format(**places)
    fields = {field: value.format(**places) for field, value in fields.items()}
    with nothing_changes():
        answer = rights.call("POST", page(path, form=fields), INSIDE, session="member inside")
    assert answer.status_code == status
    assert_nothing_of_outside(rights, answer.text, sent=path + "".join(fields.values()))
    assert rights.call("GET", page("/ui/keys"), INSIDE, session="admin").status_code == 200


def test_of_several_errors_one_out_of_reach_lets_none_be_ignored(
    rights: Rights, nothing_changes: Unchanged
) -> None:
    ids = [rights.things[name]["error"] for name in (INSIDE, OUTSIDE)]
    several = form("/ui/errors/ignore", reason="r", id=ids)  # type: ignore[arg-type]
    with nothing_changes():
        answer = rights.call("POST", several, INSIDE, session="member inside")
    assert answer.status_code == 404
    assert_nothing_of_outside(rights, answer.text, sent=ids[1])


def test_what_is_hidden_is_there_for_who_may_see_it(rights: Rights) -> None:
    """Otherwise the tests above would prove nothing."""
    for path in ("/api/errors", "/api/scans", "/api/fixes", "/ai/commands", "/api/usage"):
        assert OUTSIDE in call(rights, "GET", path, key="everything").text
    for path in ("/api/errors?path=zqoutside/a.py", "/api/scans", "/ai/commands"):
        assert MARK in call(rights, "GET", path, key="everything").text
    for path, text in (
        ("/", "1,042"),
        ("/", "77.77"),
        ("/ui/usage", "123.45"),
        ("/ui/reports/errors?status=any", "1,042"),
        (f"/ui/reports/month?month={MONTH}", OUTSIDE),
        ("/ui/reports/errors.csv?status=any", MARK),
    ):
        assert text in rights.call("GET", page(path), INSIDE, session="admin").text, path
