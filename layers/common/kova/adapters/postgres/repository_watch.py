"""Which repositories are scanned, in Postgres, and the end of those that GitHub deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, LiteralString

from kova.adapters.postgres.audit import record_event
from kova.adapters.postgres.pool import Connection, Database
from kova.adapters.postgres.repositories import SELECT, repository_of
from kova.adapters.postgres.rows import as_uuid
from kova.shared.audit import HOUSEKEEPING, Action, AuditEvent
from kova.shared.repository import Repository, RepositoryProblem

_MARK: Final[LiteralString] = """
UPDATE repositories SET problem = %(problem)s, problem_since = now(), updated_at = now()
WHERE id = ANY(%(ids)s) AND problem IS DISTINCT FROM %(problem)s
    AND (problem IS DISTINCT FROM 'deleted' OR %(problem)s = 'deleted')
RETURNING id"""

# Whoever works on one has the lease, and ends it by itself.
_SKIP: Final[LiteralString] = """
UPDATE scans SET status = 'skipped', failure = %(reason)s, finished_at = now(), retry_at = NULL
WHERE repository_id = ANY(%(ids)s) AND status = 'queued'"""

_DELETED: Final[LiteralString] = """
SELECT id, full_name, github_id FROM repositories
WHERE problem = 'deleted' AND problem_since < now() - %(age)s
ORDER BY problem_since, id LIMIT 1 FOR UPDATE SKIP LOCKED"""

# The tables with many rows of a repository, each before what it hangs on. The rest goes with the
# repository's own row.
_BATCHES: Final[tuple[LiteralString, ...]] = (
    """DELETE FROM code_terms WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM code_terms WHERE repository_id = %(id)s LIMIT %(limit)s))""",
    """DELETE FROM code_chunks WHERE id = ANY(ARRAY(
    SELECT id FROM code_chunks WHERE repository_id = %(id)s LIMIT %(limit)s))""",
    """DELETE FROM code_files WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM code_files WHERE repository_id = %(id)s LIMIT %(limit)s))""",
    """DELETE FROM analysis_cache WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM analysis_cache WHERE repository_id = %(id)s LIMIT %(limit)s))""",
    """DELETE FROM notices WHERE id = ANY(ARRAY(
    SELECT id FROM notices WHERE repository_id = %(id)s LIMIT %(limit)s))""",
    """DELETE FROM errors WHERE id = ANY(ARRAY(
    SELECT id FROM errors WHERE repository_id = %(id)s LIMIT %(limit)s))""",
    """DELETE FROM pushes WHERE id = ANY(ARRAY(
    SELECT id FROM pushes WHERE repository_id = %(id)s LIMIT %(limit)s))""",
    """DELETE FROM scans WHERE id = ANY(ARRAY(
    SELECT id FROM scans WHERE repository_id = %(id)s LIMIT %(limit)s))""",
)
_BATCH: Final = 1_000
_MOST_BATCHES: Final = 20

_INTRODUCED: Final[LiteralString] = """
SELECT id FROM errors WHERE repository_id = %(repository)s AND status = 'open' AND (
    introduced_in = %(sha)s
    OR reopened_scan IN (SELECT id FROM scans
        WHERE repository_id = %(repository)s AND commit_sha = %(sha)s)
) ORDER BY id LIMIT %(limit)s"""


class PostgresRepositoryWatch:
    """Implements events.ports.RepositoryWatch and IntroducedErrors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_installation(self, installation_id: int) -> Sequence[Repository]:
        """Find them by the installation's id."""
        query: LiteralString = SELECT + " WHERE installation_id = %(id)s"
        async with self._database.transaction() as connection:
            cursor = await connection.execute(query, {"id": installation_id})
            return [repository_of(row) for row in await cursor.fetchall()]

    async def mark(self, repository_ids: Sequence[str], problem: RepositoryProblem) -> int:
        """Mark them, and end their queued scans, in one transaction."""
        ids = [as_uuid(repository_id) for repository_id in repository_ids]
        if not ids:
            return 0
        values = {"ids": ids, "problem": problem.value, "reason": problem.explanation}
        async with self._database.transaction() as connection:
            marked = (await connection.execute(_MARK, values)).rowcount
            if problem is not RepositoryProblem.DEFAULT_BRANCH_DELETED:
                await connection.execute(_SKIP, values)
        return marked

    async def purge(self, age: timedelta) -> int:
        """Delete rows in batches, each a short transaction."""
        total = 0
        for _ in range(_MOST_BATCHES):
            async with self._database.transaction() as connection:
                number = await _purge_batch(connection, age)
            total += number
            if not number:
                break
        return total

    async def introduced(self, repository_id: str, commit_sha: str, limit: int) -> Sequence[str]:
        """Find those that a scan of the commit opened, or opened again."""
        values = {"repository": as_uuid(repository_id), "sha": commit_sha, "limit": limit}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_INTRODUCED, values)
            return [str(row["id"]) async for row in cursor]


async def _purge_batch(connection: Connection, age: timedelta) -> int:
    """Delete some rows of the repository that has waited longest; its own row last."""
    row = await (await connection.execute(_DELETED, {"age": age})).fetchone()
    if row is None:
        return 0
    values = {"id": row["id"], "limit": _BATCH}
    for query in _BATCHES:
        number = (await connection.execute(query, values)).rowcount
        if number:
            return number
    await connection.execute("DELETE FROM repositories WHERE id = %(id)s", values)
    await record_event(
        connection,
        AuditEvent(
            actor=HOUSEKEEPING,
            action=Action.REPOSITORY_DELETED,
            target=row["full_name"],
            detail={"github_id": row["github_id"]},
        ),
    )
    return 1
