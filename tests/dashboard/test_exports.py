"""Exports as files, and the report's page, as people of each role see them."""

from __future__ import annotations

import csv
import io
import re

import httpx
import pytest

from kova.access.subject import Role
from kova.reports import gather_tables
from kova.shared.page import PageRequest
from kova.shared.reach import reach_of
from tests.browser.hostile import HOSTILE
from tests.dashboard.conftest import House, Visitor


async def read_file(visitor: Visitor, path: str) -> tuple[list[dict[str, str]], httpx.Headers]:
    answer = await visitor.client.get(path)
    assert answer.status_code == 200, answer.text
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""))), answer.headers


async def test_a_file_has_the_errors_of_the_filters_in_the_address(house: House) -> None:
    await house.scan()
    viewer = await house.visitor(Role.VIEWER)
    rows, headers = await read_file(viewer, "/ui/reports/errors.csv?rule=R2")
    assert [(row["Rule"], row["Line"], row["Repository"]) for row in rows] == [
        ("R2", "2", "octo/sample")
    ]
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(
        r'attachment; filename="kova-errors-\d{4}-\d\d-\d\d\.csv"', headers["content-disposition"]
    )
    (event,) = (await house.stores.audit.page(PageRequest())).items
    assert (event.actor, event.action, event.target) == (
        "google:viewer@example.com", "errors.exported", "csv",
    )  # fmt: skip
    assert event.detail == {"status": "open", "rule": "R2", "rows": 1}
    page = await (await house.visitor(Role.ADMIN)).get("/ui/audit")
    assert "exported errors" in page
    assert "rows: 1" in page


async def test_an_address_without_a_status_is_that_of_the_open_ones(house: House) -> None:
    await house.scan()
    (error, *_) = await house.errors()
    member = await house.visitor(Role.MEMBER)
    await member.post(f"/ui/errors/{error.id}/ignore", {"reason": "known"})
    for query, number in (("", 1), ("?status=any", 2), ("?status=ignored", 1), ("?status=", 2)):
        rows, _ = await read_file(member, f"/ui/reports/errors.csv{query}")
        assert len(rows) == number, query


async def test_a_file_that_is_cut_says_so_in_its_name_and_on_the_page(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather_tables, "MOST_ERRORS", 1)
    monkeypatch.setattr("kova.web.dashboard.exports.MOST_ERRORS", 1)
    await house.scan()
    viewer = await house.visitor(Role.VIEWER)
    page = await viewer.get("/ui/reports/errors?status=open")
    assert "More than 1 errors match" in page
    assert "narrow the filters" in page
    rows, headers = await read_file(viewer, "/ui/reports/errors.csv?status=open")
    assert len(rows) == 1
    assert headers["content-disposition"].endswith('-newest-1.csv"')


async def test_hostile_texts_are_cells_and_no_markup(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    for index, text in enumerate(HOSTILE[:40:4]):
        await house.scan(f"octo/hostile-{index}", "BAD(x)", f"{text}.py")
    rows, _ = await read_file(viewer, "/ui/reports/errors.csv?status=any")
    assert len(rows) == 10
    query = {"path": "<script>alert(1)</script>", "repository": '"><img src=x onerror=alert(2)>'}
    answer = await viewer.client.get("/ui/reports/errors", params=query)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    report = await viewer.get("/ui/reports/month")
    assert "<script>alert" not in report


@pytest.mark.parametrize(
    "path",
    [
        "/ui/reports/errors?status=gone", "/ui/reports/errors.csv?severity=none",
        "/ui/reports/month?month=2026-13", "/ui/reports/month?month=x",
        "/ui/reports/month.csv?month=1899-01", "/ui/reports/month.csv?month=",
    ],
)  # fmt: skip
async def test_what_is_no_filter_and_no_month_is_a_page_that_says_so(
    house: House, path: str
) -> None:
    viewer = await house.visitor(Role.VIEWER)
    page = await viewer.get(path, 400)
    assert "written as in 2026-11" in page or "no such status or severity" in page
    assert (await house.stores.audit.page(PageRequest())).items == ()


@pytest.mark.parametrize("query", ["path=" + "x" * 5_000, "month=" + "1" * 11])
async def test_texts_that_are_too_long_are_refused(house: House, query: str) -> None:
    viewer = await house.visitor(Role.VIEWER)
    for path in (
        "/ui/reports/google",
        "/ui/reports/month" if "month" in query else "/ui/reports/errors",
    ):
        assert (await viewer.client.get(f"{path}?{query}")).status_code in {404, 422}


async def test_a_report_is_of_the_month_and_the_reach(house: House) -> None:
    await house.scan("octo/sample")
    await house.scan("octo/vault", "BAD(x)", "secret.py")
    member = await house.visitor(Role.MEMBER, reach_of(["octo/sample"]))
    month = f"{house.pages.now():%Y-%m}"
    page = await member.get("/ui/reports/month")
    assert f"Report of {month}" in page
    assert "octo/sample" in page
    assert "octo/vault" not in page
    rows, _ = await read_file(member, f"/ui/reports/month.csv?month={month}")
    assert {row["Repository"] for row in rows} == {"octo/sample"}
    figures = {(row["Part"], row["Group"], row["Measure"]): row["Value"] for row in rows}
    assert figures["Errors", "high", "Open"] == "2"
    past = await member.get("/ui/reports/month?month=2020-05")
    assert past.count("Nothing in 2020-05") == 5
    (event,) = (await house.stores.audit.page(PageRequest())).items
    assert (event.action, event.detail["month"]) == ("report.exported", month)


async def test_a_long_report_fits_a_page_and_its_file_has_all(house: House) -> None:
    for number in range(60):
        await house.scan(f"octo/repository-{number:03d}", "BAD(x)", f"{number}.py")
    viewer = await house.visitor(Role.VIEWER)
    page = await viewer.get("/ui/reports/month")
    assert len(page.encode()) < 100_000
    assert page.count("20 more rows in the exports") == 2
    rows, _ = await read_file(viewer, f"/ui/reports/month.csv?month={house.pages.now():%Y-%m}")
    assert len({row["Repository"] for row in rows}) == 60


async def test_too_many_exports_of_a_person_are_a_page_that_says_to_wait(house: House) -> None:
    viewer, other = await house.visitor(Role.VIEWER), await house.visitor(Role.MEMBER)
    for _ in range(100):
        await read_file(viewer, "/ui/reports/errors.csv")
    answer = await viewer.client.get("/ui/reports/errors.csv")
    assert answer.status_code == 429
    assert "Too many requests came from you" in answer.text
    assert int(answer.headers["retry-after"]) <= 60
    await read_file(other, "/ui/reports/errors.csv")


async def test_lists_reports_and_usage_lead_to_each_other(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    errors = await viewer.get("/ui/errors?status=fixed&path=a.py")
    assert 'href="/ui/reports/errors?status=fixed&amp;path=a.py">Export<' in errors
    assert 'href="/ui/reports/month">Report of a month<' in await viewer.get("/")
    usage = await viewer.get("/ui/usage?month=2026-03")
    assert 'href="/ui/reports/month?month=2026-03"' in usage
