"""Watched repositories in Postgres."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.audit import record_event
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import clean_values, fetch_page, reach_values
from kova.shared.audit import Action, AuditEvent
from kova.shared.page import Page, PageRequest
from kova.shared.reach import Reach
from kova.shared.repository import (
    AutoFix,
    NotifySeverity,
    Repository,
    RepositoryChange,
    RepositoryInfo,
    RepositoryProblem,
)
from kova.shared.severity import Severity

SELECT: Final[LiteralString] = """
SELECT repositories.*, coalesce((
    SELECT jsonb_object_agg(severity, number) FROM open_errors
    WHERE open_errors.repository_id = repositories.id
), '{}') AS open_errors
FROM repositories"""

# A renamed repository keeps GitHub's number; one that took over an old name has another number,
# so the old row gives the name up first.
_RELEASE_NAME: Final[LiteralString] = """
UPDATE repositories SET full_name = full_name || '#' || id::text
WHERE lower(full_name) = lower(%(full_name)s) AND github_id <> %(github_id)s"""

_SAVE: Final[LiteralString] = """
INSERT INTO repositories
    (full_name, github_id, installation_id, default_branch, private, archived)
VALUES (%(full_name)s, %(github_id)s, %(installation_id)s, %(default_branch)s, %(private)s,
    coalesce(%(archived)s::boolean, false))
ON CONFLICT (github_id) DO UPDATE SET
    full_name = EXCLUDED.full_name,
    installation_id = coalesce(EXCLUDED.installation_id, repositories.installation_id),
    default_branch = EXCLUDED.default_branch, private = EXCLUDED.private, updated_at = now(),
    archived = coalesce(%(archived)s::boolean, repositories.archived),
    problem = CASE WHEN %(archived)s::boolean IS NULL THEN repositories.problem END,
    problem_since = CASE WHEN %(archived)s::boolean IS NULL THEN repositories.problem_since END
RETURNING *, '{}'::jsonb AS open_errors"""


_CHANGE: Final[LiteralString] = """
UPDATE repositories SET updated_at = now(),
    auto_fix = CASE WHEN 'auto_fix' = ANY(%(named)s) THEN %(auto_fix)s ELSE auto_fix END,
    fail_on = CASE WHEN 'fail_on' = ANY(%(named)s) THEN %(fail_on)s ELSE fail_on END,
    monthly_budget_usd = CASE WHEN 'monthly_budget_usd' = ANY(%(named)s)
        THEN %(monthly_budget_usd)s::numeric ELSE monthly_budget_usd END,
    slack_channel = CASE WHEN 'slack_channel' = ANY(%(named)s)
        THEN %(slack_channel)s ELSE slack_channel END,
    notify_severity = CASE WHEN 'notify_severity' = ANY(%(named)s)
        THEN %(notify_severity)s ELSE notify_severity END,
    quiet_hours = CASE WHEN 'quiet_hours' = ANY(%(named)s)
        THEN %(quiet_hours)s ELSE quiet_hours END
WHERE lower(full_name) = lower(%(full_name)s) RETURNING id"""


class PostgresRepositoryStore:
    """Implements shared.ports.RepositoryStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, info: RepositoryInfo) -> Repository:
        """Create or update by GitHub's number."""
        values = clean_values(vars_of(info))
        async with self._database.transaction() as connection:
            await connection.execute(_RELEASE_NAME, values)
            cursor = await connection.execute(_SAVE, values)
            row = await cursor.fetchone()
        assert row is not None
        return repository_of(row)

    async def get(self, full_name: str, reach: Reach) -> Repository | None:
        """Find it by name."""
        if not reach.covers(full_name):
            return None
        query: LiteralString = SELECT + " WHERE lower(full_name) = lower(%(name)s)"
        async with self._database.transaction() as connection:
            row = await (
                await connection.execute(query, clean_values({"name": full_name}))
            ).fetchone()
        return repository_of(row) if row else None

    async def find(self, github_id: int) -> Repository | None:
        """Find it by GitHub's number."""
        query: LiteralString = SELECT + " WHERE github_id = %(id)s"
        async with self._database.transaction() as connection:
            row = await (await connection.execute(query, {"id": github_id})).fetchone()
        return repository_of(row) if row else None

    async def change(
        self, full_name: str, change: RepositoryChange, actor: str, reach: Reach
    ) -> Repository | None:
        """Change what is named, leave the rest."""
        if not reach.covers(full_name):
            return None
        changed = {key: value for key, value in asdict(change).items() if key in change.named}
        values = {"full_name": full_name, **asdict(change), "named": sorted(change.named)}
        detail = {key: None if value is None else str(value) for key, value in changed.items()}
        event = AuditEvent(
            actor=actor, action=Action.REPOSITORY_CHANGED, target=full_name, detail=detail
        )
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_CHANGE, clean_values(values))).fetchone()
            if row is None:
                return None
            await record_event(connection, event)
        return await self.get(full_name, reach)

    async def page(self, request: PageRequest, reach: Reach) -> Page[Repository]:
        """List them."""
        where: list[LiteralString] = []
        if not reach.is_everything:
            where.append("lower(repositories.full_name) = ANY(%(reach)s)")
        async with self._database.reading() as connection:
            return await fetch_page(
                connection,
                select=SELECT,
                table="repositories",
                ordered_by="created_at",
                where=where,
                values=reach_values(reach),
                request=request,
                make=repository_of,
            )


def vars_of(info: RepositoryInfo) -> dict[str, object]:
    """Return the row's values."""
    return {
        "full_name": info.full_name,
        "github_id": info.github_id,
        "installation_id": info.installation_id,
        "default_branch": info.default_branch,
        "private": info.private,
        "archived": info.archived,
    }


def repository_of(row: DictRow) -> Repository:
    """Return the repository of a row with its counts in `open_errors`."""
    return Repository(
        id=str(row["id"]),
        full_name=row["full_name"],
        github_id=row["github_id"],
        installation_id=row["installation_id"],
        default_branch=row["default_branch"],
        private=row["private"],
        auto_fix=AutoFix(row["auto_fix"]),
        fail_on=Severity(row["fail_on"]),
        monthly_budget_usd=row["monthly_budget_usd"],
        created_at=row["created_at"],
        slack_channel=row["slack_channel"],
        notify_severity=NotifySeverity(row["notify_severity"]) if row["notify_severity"] else None,
        quiet_hours=row["quiet_hours"],
        archived=row["archived"],
        problem=RepositoryProblem(row["problem"]) if row["problem"] else None,
        problem_since=row["problem_since"],
        open_errors={
            severity.value: int(row["open_errors"].get(severity, 0)) for severity in Severity
        },
    )
