"""What an export holds: the rows of a filter within a reach, bounded, and the parts of a report."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from kova.adapters.memory.database import MemoryDatabase
from kova.errors.error import IgnoreDecision
from kova.errors.ports import ErrorFilter
from kova.fixes.fix import FixStatus
from kova.reports import gather_tables
from kova.reports.csv_text import write_csv
from kova.reports.export_request import ExportRequest, request_of
from kova.reports.gather_tables import MOST_BYTES, MOST_ERRORS, GatherTables
from kova.reports.month_report import (
    ErrorCounts,
    FixCounts,
    FixTime,
    ModelCosts,
    MonthReport,
    ScanCounts,
)
from kova.reports.table import CELL_CHARACTERS
from kova.reports.tables import ERROR_COLUMNS, error_row, error_table, long_table, report_tables
from kova.scans.scan import ScanStatus
from kova.shared.exceptions import DatabaseUnavailableError, InvalidInputError
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, reach_of
from kova.shared.severity import Severity
from tests.support.stores import NAME, AllStores, apply_files, memory_stores, new_repository

LAMBDA_BYTES = 6_291_456
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def stores() -> AllStores:
    return memory_stores(MemoryDatabase())


@pytest.fixture
def tables(stores: AllStores) -> GatherTables:
    return GatherTables(errors=stores.errors, reports=stores.reports, now=lambda: NOW)


async def fill(stores: AllStores, name: str, lines: int, path: str = "a.py") -> None:
    repository = await new_repository(stores, name)
    text = "\n".join(f"BAD(x{number})" for number in range(lines))
    await apply_files(stores, repository, "1" * 40, {path: text})


async def test_an_export_has_the_rows_of_its_filters_within_the_reach(
    stores: AllStores, tables: GatherTables
) -> None:
    await fill(stores, NAME, 3)
    await fill(stores, "octo/other", 2, "b.py")
    for texts, reach, names in (
        ({"status": "any"}, EVERYTHING, ["octo/other"] * 2 + [NAME] * 3),
        ({"status": "any"}, reach_of(["OCTO/other"]), ["octo/other"] * 2),
        ({"repository": NAME.upper()}, EVERYTHING, [NAME] * 3),
        ({"repository": NAME}, reach_of(["octo/other"]), []),
        ({"status": "fixed"}, EVERYTHING, []),
        ({"path": "b.py", "severity": "high"}, EVERYTHING, ["octo/other"] * 2),
    ):
        export = await tables.gather(request_of(texts), reach)
        (table,) = export.tables
        assert sorted(str(row[0]) for row in table.rows) == names, texts
        assert (export.rows, export.is_cut) == (len(names), False)
        assert await tables.count(request_of(texts), reach) == len(names)
        assert export.title == "Kova errors 2026-11-30"


async def test_a_row_says_what_became_of_the_error(stores: AllStores, tables: GatherTables) -> None:
    await fill(stores, NAME, 1)
    (error,) = (await stores.errors.page(PageRequest(), ErrorFilter(), EVERYTHING)).items
    decision = IgnoreDecision(reason="=a test", by="github:octocat", until=None)
    await stores.errors.ignore(error.id, decision, EVERYTHING)
    (table,) = (await tables.gather(request_of({"status": "ignored"}), EVERYTHING)).tables
    (row,) = table.rows
    values = dict(zip(table.columns, row, strict=True))
    assert values["Status"] == "ignored"
    assert values["Ignored by"] == "github:octocat"
    assert values["Reason"] == "=a test"
    assert (values["Path"], values["Line"], values["Id"]) == ("a.py", 1, error.id)
    assert values["First seen (UTC)"] == f"{error.first_seen_at:%Y-%m-%d %H:%M:%S}"


async def test_more_rows_than_an_export_holds_are_cut_and_the_newest_stay(
    stores: AllStores, tables: GatherTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather_tables, "MOST_ERRORS", 700)
    for number, name in enumerate(("octo/old", "octo/new")):
        await fill(stores, name, 600 + number)
    export = await tables.gather(ExportRequest(filters={}), EVERYTHING)
    assert (export.rows, export.is_cut) == (700, True)
    names = [row[0] for row in export.tables[0].rows]
    assert names == ["octo/new"] * 601 + ["octo/old"] * 99
    assert await tables.count(ExportRequest(filters={}), EVERYTHING) == 701
    monkeypatch.setattr(gather_tables, "MOST_ERRORS", 1_201)
    export = await tables.gather(ExportRequest(filters={}), EVERYTHING)
    assert (export.rows, export.is_cut) == (1_201, False)


async def test_the_largest_rows_fit_into_an_answer_of_lambda(
    stores: AllStores, tables: GatherTables
) -> None:
    # A quote is doubled in CSV, and both have a backslash in the JSON around it.
    for number, path in enumerate(('"' * 4_000, "\n=" * 2_000, "\u4e2d\\" * 2_000)):
        name = f"octo/{number}"
        await fill(stores, name, 1_000, path)
        export = await tables.gather(request_of({"repository": name}), EVERYTHING)
        assert export.is_cut
        content = write_csv(export.tables[0]).decode()
        size = len(json.dumps({"body": content}, ensure_ascii=False).encode())
        assert MOST_BYTES * 0.9 < size < LAMBDA_BYTES, number


async def test_usual_rows_are_never_cut_by_their_size(
    stores: AllStores, tables: GatherTables
) -> None:
    await fill(stores, "a-rather-long-owner/a-rather-long-repository", 1, "src/" * 20 + "module.py")
    (error,) = (await stores.errors.page(PageRequest(), ErrorFilter(), EVERYTHING)).items
    row = error_row(error)
    assert len(write_csv(error_table([row] * MOST_ERRORS))) < MOST_BYTES
    assert len(row) == len(ERROR_COLUMNS)


class SilentErrors:
    """Errors of a database that never answers."""

    async def page(self, *_: object) -> None:
        await asyncio.Event().wait()


async def test_rows_that_take_too_long_are_given_up(stores: AllStores) -> None:
    tables = GatherTables(
        errors=SilentErrors(),  # type: ignore[arg-type]
        reports=stores.reports,
        now=lambda: NOW,
        seconds=0.01,
    )
    with pytest.raises(DatabaseUnavailableError, match="Narrow the filters"):
        await tables.gather(ExportRequest(filters={}), EVERYTHING)


@pytest.mark.parametrize(
    "texts",
    [{"month": "2026-13"}, {"month": ""}, {"month": "x"}, {"status": "gone"}, {"severity": "none"}],
)
async def test_what_is_no_filter_and_no_month_is_said(
    tables: GatherTables, texts: dict[str, str]
) -> None:
    with pytest.raises(InvalidInputError):
        await tables.gather(request_of(texts), EVERYTHING)


REPORT = MonthReport(
    month="2026-11",
    errors=(ErrorCounts(repository=NAME, severity=Severity.LOW, open=4, introduced=2, fixed=1),),
    fixes=(
        FixCounts(
            repository=NAME,
            by_status={
                FixStatus.PROPOSED: 1, FixStatus.REJECTED: 2, FixStatus.VERIFIED: 3,
                FixStatus.PUBLISHED: 4, FixStatus.MERGED: 5, FixStatus.CLOSED: 6,
            },
        ),
    ),
    fix_times=(FixTime(severity=None, fixed=1, median=5_400.0, longest=7_200.0),),
    models=(
        ModelCosts(
            repository=None, provider="openai", model="gpt", commands=3, failed=1,
            input_tokens=10, output_tokens=5, cost_usd=Decimal("0.125"),
        ),
    ),
    scans=(ScanCounts(repository=NAME, by_status={ScanStatus.FAILED: 1, ScanStatus.QUEUED: 1}),),
)  # fmt: skip


def test_a_report_is_a_table_a_part() -> None:
    tables = {table.title: table for table in report_tables(REPORT)}
    assert {title: table.rows for title, table in tables.items()} == {
        "Errors": ((NAME, "low", 4, 2, 1),),
        # Who is merged was published before, and verified before that.
        "Fixes": ((NAME, 21, 2, 18, 15, 5, 6),),
        "Time to fix": (("all", 1, 1.5, 2.0),),
        "Models": (("none", "openai", "gpt", 3, 1, 10, 5, 0.125),),
        "Scans": ((NAME, 2, 0, 1, 0),),
    }
    for table in tables.values():
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_file_of_one_table_has_each_figure_in_a_row() -> None:
    table = long_table("2026-11", report_tables(REPORT))
    assert ("2026-11", "Errors", NAME, "low", "New", 2) in table.rows
    assert ("2026-11", "Fixes", NAME, "", "Merged", 5) in table.rows
    assert ("2026-11", "Time to fix", "", "all", "Median hours", 1.5) in table.rows
    assert ("2026-11", "Models", "none", "openai gpt", "USD", 0.125) in table.rows
    assert len(table.rows) == 3 + 6 + 3 + 5 + 4


def test_a_cell_is_not_longer_than_a_sheet_takes() -> None:
    assert CELL_CHARACTERS < 50_000
