"""What people take with them, in a real browser: a file, and a sheet at the stand-in of Google."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kova_fakes.google import FakeGoogle, serve_google
from kova_fakes.google.tokens import GoogleAccount
from tests.browser.conftest import Site
from tests.browser.judging import judge

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def google() -> Iterator[FakeGoogle]:
    with serve_google() as fake:
        fake.account = GoogleAccount(address="ann@example.com")
        yield fake


@pytest.fixture(scope="module")
def whole_site_with_google(whole_site: Site, google: FakeGoogle) -> Site:
    """The same Kova with Google's client: its people export to the stand-in."""
    environment = whole_site.kova.environment | {
        "GOOGLE_CLIENT_ID": google.client_id,
        "GOOGLE_CLIENT_SECRET": google.client_secret,
        "KOVA_GOOGLE_ISSUER": google.url,
        "KOVA_GOOGLE_SHEETS_URL": google.url,
        "KOVA_ADMINS": "ann@example.com",
    }
    kova = replace(whole_site.kova, environment=environment)
    address = kova.start_server()
    google.redirect_uris = [f"{address}/ui/reports/google/callback"]
    return replace(whole_site, kova=replace(kova, address=address), state=None)


@pytest.fixture
def with_google(site: Site, whole_site_with_google: Site) -> Site:
    assert site.complaints is whole_site_with_google.complaints
    return whole_site_with_google


def download(page: Page, folder: Path) -> list[dict[str, str]]:
    """Press the button, and return the rows of the file."""
    with page.expect_download() as started:
        page.get_by_role("link", name="Download the CSV").click()
    target = folder / started.value.suggested_filename
    started.value.save_as(target)
    assert target.suffix == ".csv"
    with target.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_errors_of_a_filter_are_a_file(site: Site, tmp_path: Path) -> None:
    page = site.open("/ui/errors?repository=acme/billing&severity=high")
    shown = page.locator("[data-row]").count()
    assert shown > 0
    page.get_by_role("link", name="Export", exact=True).click()
    assert page.locator("h1").inner_text() == "Export errors"
    assert page.get_by_role("link", name="Export to Google Sheets").count() == 0
    judge(page, "export", tmp_path)
    rows = download(page, tmp_path)
    assert len(rows) == shown
    assert {(row["Repository"], row["Severity"], row["Status"]) for row in rows} == {
        ("acme/billing", "high", "open")
    }
    page.get_by_role("link", name="Errors", exact=True).last.click()
    assert "repository=acme%2Fbilling" in page.url


def test_the_report_of_a_month_is_a_page_and_a_file(site: Site, tmp_path: Path) -> None:
    page = site.open("/")
    page.get_by_role("link", name="Report of a month").click()
    # On the first day of a month there is nothing in it yet.
    month = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m}"
    page.get_by_label("Month", exact=True).fill(month)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(f"**/ui/reports/month?month={month}")
    titles = page.locator("section h2").all_inner_texts()
    assert titles == ["Errors", "Fixes", "Time to fix", "Models", "Scans"]
    judge(page, "report", tmp_path)
    open_errors = page.locator("section", has_text="ignore is not open").locator("tbody tr")
    assert open_errors.count() > 3
    rows = download(page, tmp_path)
    assert {row["Part"] for row in rows} >= {"Errors", "Fixes", "Scans"}
    page.get_by_label("Month", exact=True).fill("2026-03")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/ui/reports/month?month=2026-03")
    assert page.locator("h1").inner_text() == "Report of 2026-03"


def test_a_list_becomes_a_sheet_of_somebody_s_own(
    with_google: Site, google: FakeGoogle, tmp_path: Path
) -> None:
    page = with_google.open("/ui/errors?repository=acme/shop")
    shown = page.locator("[data-row]").count()
    page.get_by_role("link", name="Export", exact=True).click()
    judge(page, "export-google", tmp_path)
    page.get_by_role("link", name="Export to Google Sheets").click()
    page.get_by_role("heading", name="The sheet is ready").wait_for()
    (file,) = google.sheets.files
    link = page.get_by_role("link", name="Open it in Google Sheets")
    assert link.get_attribute("href") == f"https://docs.google.com/spreadsheets/d/{file.id}"
    assert len(file.sheets[0].values()) == shown + 1
    assert file.owner == "ann@example.com"
    judge(page, "exported", tmp_path)
    page.reload()
    assert page.locator("h1").inner_text() == "The sheet is ready"
    assert len(google.sheets.files) == 1
    page.goto("/ui/audit")
    row = page.locator("tr", has_text=file.id)
    assert "exported errors" in row.inner_text()
    assert google.refusals == google.sheets.refusals == []


def test_a_report_becomes_a_sheet_without_scripts(with_google: Site, google: FakeGoogle) -> None:
    before = len(google.sheets.files)
    page = with_google.open("/ui/reports/month", scripts=False)
    page.get_by_role("link", name="Export to Google Sheets").click()
    page.get_by_role("heading", name="The sheet is ready").wait_for()
    file = google.sheets.files[before]
    assert [sheet.title for sheet in file.sheets][:2] == ["Errors", "Fixes"]


def test_who_refuses_at_google_is_led_back(
    with_google: Site, google: FakeGoogle, tmp_path: Path
) -> None:
    before, account = len(google.sheets.files), google.account
    google.account = None
    context = with_google.open("/ui/reports/errors?status=open&path=a.py").context
    page = context.new_page()  # A browser complains of the answer 403: nobody listens here.
    page.goto("/ui/reports/errors?status=open&path=a.py")
    page.get_by_role("link", name="Export to Google Sheets").click()
    page.get_by_text("You did not allow Kova to make a sheet").wait_for()
    judge(page, "export-failed", tmp_path)
    google.account = account
    page.get_by_role("link", name="Back to the export").click()
    page.get_by_role("link", name="Export to Google Sheets").click()
    page.get_by_role("heading", name="The sheet is ready").wait_for()
    assert len(google.sheets.files) == before + 1
