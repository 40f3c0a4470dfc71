"""Which repositories somebody may see: one suite for the stores in Postgres and their twins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.scans import PostgresScanStore
from kova.errors.error import IgnoreDecision
from kova.errors.ports import ErrorFilter
from kova.fixes.fix import FixStatus, ProvedFix, Strategy
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, Reach, reach_of
from kova.shared.repository import AutoFix, RepositoryChange
from tests.support.errors import insert_errors
from tests.support.findings import analysis_of
from tests.support.stores import AllStores, apply_files, new_claim, new_repository

NAMES = ("Octo/One", "octo/two", "octo/three")
FILES = {"a.py": "BAD(x)\nBAD(y)"}
NOTHING = reach_of([])
PAGE = PageRequest(limit=100)
DECISION = IgnoreDecision(reason="known", by="cli", until=None)


def test_a_reach_covers_its_names_in_any_case() -> None:
    reach = reach_of(["Octo/One"])
    assert reach.covers("octo/ONE")
    for other in ("octo/two", "octo/one2", "one", "", None):
        assert not reach.covers(other)
    assert EVERYTHING.covers("octo/two")
    assert EVERYTHING.covers(None)
    assert not NOTHING.covers("octo/one")


def test_a_reach_includes_what_is_not_wider() -> None:
    one, both = reach_of(["a/b"]), reach_of(["a/b", "a/c"])
    assert both.includes(one)
    assert both.includes(NOTHING)
    assert not one.includes(both)
    assert not both.includes(EVERYTHING)
    assert EVERYTHING.includes(EVERYTHING)
    assert EVERYTHING.includes(both)


async def fill(stores: AllStores) -> dict[str, dict[str, str]]:
    """Store a scan, two errors and a fix in each repository; return the ids of one of each."""
    ids: dict[str, dict[str, str]] = {}
    for name in NAMES:
        repository = await new_repository(stores, name)
        claim = await new_claim(stores, repository, commit_sha="1" * 40)
        change = await apply_files(stores, repository, "1" * 40, FILES, claim=claim)
        finding = analysis_of(FILES).findings[0]
        fix = ProvedFix(
            finding=finding,
            strategy=Strategy.DETERMINISTIC,
            status=FixStatus.VERIFIED,
            safe=True,
            patch="",
            verification=(),
        )
        await stores.fixes.save(claim.id, [fix], change.error_ids)
        (saved,) = (await stores.fixes.page(PAGE, name, None, EVERYTHING)).items
        ids[name] = {"scan": claim.id, "fix": saved.id, "error": saved.error_id}
    return ids


@pytest.mark.parametrize(
    ("reach", "inside"),
    [
        (EVERYTHING, NAMES),
        (reach_of(["octo/one"]), NAMES[:1]),
        (reach_of(["OCTO/TWO", "octo/one", "octo/none"]), NAMES[:2]),
        (NOTHING, ()),
        (reach_of(["octo/none"]), ()),
    ],
)
async def test_lists_and_things_outside_of_the_reach_are_not_there(
    stores: AllStores, reach: Reach, inside: tuple[str, ...]
) -> None:
    ids = await fill(stores)
    errors = (await stores.errors.page(PAGE, ErrorFilter(), reach)).items
    assert sorted(error.repository for error in errors) == sorted(2 * inside)
    scans = (await stores.scans.page(PAGE, None, reach)).items
    assert sorted(scan.repository for scan in scans) == sorted(inside)
    fixes = (await stores.fixes.page(PAGE, None, None, reach)).items
    assert sorted(fix.repository for fix in fixes) == sorted(inside)
    repositories = (await stores.repositories.page(PAGE, reach)).items
    assert sorted(repository.full_name for repository in repositories) == sorted(inside)
    for name, own in ids.items():
        is_inside = name in inside
        assert (await stores.errors.get(own["error"], reach) is not None) == is_inside
        assert (await stores.scans.get(own["scan"], reach) is not None) == is_inside
        assert (await stores.fixes.get(own["fix"], reach) is not None) == is_inside
        assert (await stores.repositories.get(name, reach) is not None) == is_inside
        assert len(await stores.errors.of_scan(own["scan"], 9, reach)) == 2 * is_inside
        filters = ErrorFilter(repository=name)
        page = await stores.errors.page(PAGE, filters, reach)
        assert len(page.items) == 2 * is_inside
        assert len((await stores.scans.page(PAGE, name, reach)).items) == is_inside
        assert len((await stores.fixes.page(PAGE, name, None, reach)).items) == is_inside


async def test_nothing_outside_of_the_reach_is_changed(stores: AllStores) -> None:
    ids = await fill(stores)
    reach = reach_of([NAMES[0]])
    change = RepositoryChange(named=frozenset({"auto_fix"}), auto_fix=AutoFix.OFF)
    for name, own in ids.items():
        is_inside = name == NAMES[0]
        ignored = await stores.errors.ignore(own["error"], DECISION, reach)
        assert (ignored is not None) == is_inside
        changed = await stores.repositories.change(name, change, "cli", reach)
        assert (changed is not None) == is_inside
    errors = (await stores.errors.page(PAGE, ErrorFilter(), EVERYTHING)).items
    assert [error.repository for error in errors if error.ignored is not None] == [NAMES[0]]
    for name, own in ids.items():
        opened = await stores.errors.open(own["error"], "cli", reach)
        assert (opened is not None) == (name == NAMES[0])
    assert len((await stores.audit.page(PAGE)).items) == 3


async def test_pages_of_some_repositories_go_on_where_the_last_ended(stores: AllStores) -> None:
    await fill(stores)
    reach = reach_of(NAMES[:2])
    request: PageRequest | None = PageRequest(limit=1)
    listed: list[str] = []
    while request is not None:
        page = await stores.errors.page(request, ErrorFilter(), reach)
        listed += [error.id for error in page.items]
        request = PageRequest(limit=1, after=page.next) if page.next else None
    whole = await stores.errors.page(PAGE, ErrorFilter(), reach)
    assert listed == [error.id for error in whole.items]
    assert len(set(listed)) == 4


class OneConnection:
    """A database of one transaction, whose statistics tell what its statements read."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow]) -> None:
        self.connection = connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[psycopg.AsyncConnection[DictRow]]:
        yield self.connection

    async def rows_read(self, table: str) -> int:
        cursor = await self.connection.execute(
            """SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS number
            FROM pg_stat_xact_user_tables WHERE relname = %s""",
            (table,),
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row["number"])


@pytest.mark.parametrize("filters", [ErrorFilter(), ErrorFilter(analyzer="ruff")])
async def test_a_small_reach_reads_no_row_of_other_repositories(
    database_url: str, filters: ErrorFilter
) -> None:
    """The newest errors are all of another repository: a walk from them would read every one."""
    insert_errors(database_url, "octo/small", 9)
    insert_errors(database_url, "octo/busy", 20_000)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """UPDATE errors SET first_seen_at = '2020-01-01' FROM repositories
            WHERE repositories.id = repository_id AND full_name = 'octo/small'"""
        )
        connection.execute("ANALYZE")
    async with await psycopg.AsyncConnection.connect(
        database_url, row_factory=dict_row
    ) as connection:
        one = OneConnection(connection)
        store = PostgresErrorStore(one)  # type: ignore[arg-type]
        reach = reach_of(["octo/small", "octo/none"])
        page = await store.page(PageRequest(limit=5), filters, reach)
        assert {error.repository for error in page.items} == {"octo/small"}
        assert await one.rows_read("errors") < 50


async def test_a_small_reach_reads_no_scan_of_other_repositories(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO repositories (full_name, default_branch)
            VALUES ('octo/small', 'main'), ('octo/busy', 'main')"""
        )
        connection.execute(
            """INSERT INTO scans (repository_id, dedupe_key, trigger, created_at)
            SELECT id, n::text, 'api', %s - n * interval '1 second'
            FROM repositories, generate_series(1, 20000) AS n
            WHERE full_name = 'octo/busy' OR n > 19995""",
            (datetime(2026, 11, 28, tzinfo=UTC),),
        )
        connection.execute("ANALYZE")
    async with await psycopg.AsyncConnection.connect(
        database_url, row_factory=dict_row
    ) as connection:
        one = OneConnection(connection)
        store = PostgresScanStore(one)  # type: ignore[arg-type]
        page = await store.page(PageRequest(limit=2), None, reach_of(["octo/small"]))
        assert [scan.repository for scan in page.items] == ["octo/small"] * 2
        assert await one.rows_read("scans") < 50
