"""What is left of a deleted repository goes after its term, in batches, and is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from kova.adapters.postgres.audit import PostgresAuditStore
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.repository_watch import PostgresRepositoryWatch
from kova.shared.audit import Action
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.repository import Repository, RepositoryInfo, RepositoryProblem

TERM = timedelta(days=30)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    pool = Database(database_url, timeout=60.0)
    yield pool
    await pool.close()


async def new_repository(database: Database, name: str, number: int) -> Repository:
    return await PostgresRepositoryStore(database).save(
        RepositoryInfo(
            full_name=name,
            github_id=number,
            installation_id=1,
            default_branch="main",
            private=True,
            archived=False,
        )
    )


async def fill(database: Database, repository: Repository, rows: int) -> None:
    """Give a repository scans and errors, with fixes, cached results and indexed code."""
    values = {"id": repository.id, "rows": rows}
    async with database.transaction() as connection:
        for statement in (
            """INSERT INTO scans (repository_id, dedupe_key, trigger, status)
            SELECT %(id)s, 'push:' || number, 'push', 'succeeded'
            FROM generate_series(1, %(rows)s) AS number""",
            """INSERT INTO pushes (repository_id, dedupe_key, ref, after_sha, scan_id)
            SELECT %(id)s, dedupe_key, 'refs/heads/main', repeat('a', 40), id FROM scans
            WHERE repository_id = %(id)s""",
            """INSERT INTO errors (repository_id, fingerprint, analyzer, rule_id, severity, tier,
                confidence, category, message, path, start_line, start_column, end_line,
                end_column, snippet)
            SELECT %(id)s, lpad(to_hex(number), 64, '0'), 'a', 'R1', 'high', 'error', 'high', 'c',
                'm', 'p', 1, 1, 1, 1, 's' FROM generate_series(1, %(rows)s) AS number""",
            """INSERT INTO auto_fixes (error_id, strategy, status, patch)
            SELECT id, 'deterministic', 'verified', '' FROM errors WHERE repository_id = %(id)s""",
            """INSERT INTO analysis_cache (repository_id, key, size)
            SELECT %(id)s, int4send(number), 0 FROM generate_series(1, %(rows)s) AS number""",
            "INSERT INTO code_files VALUES (%(id)s, 'a.py', 'b')",
        ):
            await connection.execute(statement, values)


async def deleted_days_ago(database: Database, repository: Repository, days: int) -> None:
    watch = PostgresRepositoryWatch(database)
    assert await watch.mark([repository.id], RepositoryProblem.DELETED) == 1
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE repositories SET problem_since = now() - make_interval(days => %s)"
            " WHERE id = %s",
            (days, repository.id),
        )


async def count(database: Database, table: str) -> int:
    async with database.transaction() as connection:
        row = await (
            await connection.execute(f"SELECT count(*) AS number FROM {table}")  # type: ignore[arg-type]  # noqa: S608 (a name of this file)
        ).fetchone()
    assert row is not None
    number: int = row["number"]
    return number


async def test_it_goes_in_batches_and_only_after_the_term(database: Database) -> None:
    old = await new_repository(database, "octo/old", 1)
    recent = await new_repository(database, "octo/recent", 2)
    live = await new_repository(database, "octo/live", 3)
    for repository, rows in ((old, 2_500), (recent, 3), (live, 3)):
        await fill(database, repository, rows)
    await deleted_days_ago(database, old, 31)
    await deleted_days_ago(database, recent, 29)
    watch = PostgresRepositoryWatch(database)
    assert await watch.purge(TERM) == 4 * 2_500 + 2
    assert await watch.purge(TERM) == 0
    for table in ("scans", "pushes", "errors", "auto_fixes", "analysis_cache"):
        assert await count(database, table) == 6, table
    page = await PostgresRepositoryStore(database).page(PageRequest(limit=10), EVERYTHING)
    assert {row.full_name for row in page.items} == {"octo/recent", "octo/live"}
    (event,) = (await PostgresAuditStore(database).page(PageRequest(limit=10))).items
    assert (event.actor, event.action) == ("housekeeping", Action.REPOSITORY_DELETED)
    assert (event.target, event.detail) == ("octo/old", {"github_id": 1})


async def test_one_call_is_bounded(database: Database) -> None:
    old = await new_repository(database, "octo/old", 1)
    await fill(database, old, 12_000)
    await deleted_days_ago(database, old, 31)
    watch = PostgresRepositoryWatch(database)
    assert await watch.purge(TERM) == 20_000 - 1_000 + 1
    total = 0
    while number := await watch.purge(TERM):
        total += number
    assert total == 48_002 - 19_001
    assert await count(database, "repositories") == 0


async def test_what_comes_back_keeps_its_rows(database: Database) -> None:
    old = await new_repository(database, "octo/old", 1)
    await fill(database, old, 2)
    await deleted_days_ago(database, old, 31)
    again = await new_repository(database, "octo/old", 1)
    assert (again.id, again.problem) == (old.id, None)
    assert await PostgresRepositoryWatch(database).purge(TERM) == 0


async def test_a_repository_of_the_same_name_inherits_nothing(database: Database) -> None:
    old = await new_repository(database, "octo/sample", 1)
    await fill(database, old, 2)
    await deleted_days_ago(database, old, 31)
    new = await new_repository(database, "octo/sample", 2)
    assert new.id != old.id
    assert await PostgresRepositoryWatch(database).purge(TERM) == 2 * 4 + 2
    row = await PostgresRepositoryStore(database).get("octo/sample", EVERYTHING)
    assert row is not None
    assert row.id == new.id


async def test_a_late_removal_does_not_undo_a_deletion(database: Database) -> None:
    old = await new_repository(database, "octo/old", 1)
    watch = PostgresRepositoryWatch(database)
    await watch.mark([old.id], RepositoryProblem.REMOVED)
    assert await watch.mark([old.id], RepositoryProblem.DELETED) == 1
    assert await watch.mark([old.id], RepositoryProblem.REMOVED) == 0
    row = await PostgresRepositoryStore(database).find(1)
    assert row is not None
    assert row.problem is RepositoryProblem.DELETED
