"""Fixes and their proofs in Postgres: one row an error, the latest outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final, LiteralString

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kova.adapters.postgres.outbox import record_ready_fixes
from kova.adapters.postgres.pool import Connection, Database
from kova.adapters.postgres.rows import (
    REACHED,
    as_uuid,
    clean_values,
    fetch_page,
    reach_values,
)
from kova.fixes.fix import Fix, FixStatus, ProvedFix, Step, Strategy, Verification
from kova.fixes.publisher import pull_number
from kova.shared.page import Page, PageRequest
from kova.shared.reach import EVERYTHING, Reach
from kova.shared.text import clean

_SELECT: Final[LiteralString] = """
SELECT auto_fixes.*, errors.path, errors.rule_id, errors.message, errors.blob_sha,
    repositories.full_name AS repository
FROM auto_fixes JOIN errors ON errors.id = auto_fixes.error_id
JOIN repositories ON repositories.id = errors.repository_id"""

# What people already see (published, merged) or do not want is not taken back by proposing it
# again. What was closed since the error was gone may be, and what was merged where the error has
# come back since: that is another proposal.
_SAVE: Final[LiteralString] = """
INSERT INTO auto_fixes AS known (error_id, scan_id, strategy, provider, model, status, safe, patch,
    verification, rejection, cost_usd)
VALUES (%(error_id)s, %(scan_id)s, %(strategy)s, %(provider)s, %(model)s, %(status)s, %(safe)s,
    %(patch)s, %(verification)s, %(rejection)s, %(cost_usd)s)
ON CONFLICT (error_id) DO UPDATE SET
    scan_id = EXCLUDED.scan_id, strategy = EXCLUDED.strategy, provider = EXCLUDED.provider,
    model = EXCLUDED.model, status = EXCLUDED.status, safe = EXCLUDED.safe,
    patch = EXCLUDED.patch, verification = EXCLUDED.verification,
    rejection = EXCLUDED.rejection, cost_usd = known.cost_usd + EXCLUDED.cost_usd,
    merges = known.merges + (known.status = 'merged')::int, updated_at = now()
WHERE known.status IN ('proposed', 'verified', 'rejected')
    OR known.status = 'closed' AND NOT known.declined
    OR known.status = 'merged' AND EXISTS (
        SELECT FROM errors WHERE errors.id = known.error_id AND errors.status = 'open'
            AND errors.reopened_at >= known.updated_at)"""

# A merged one in another pull request: its error was back before a scan saw it gone.
_MARK_PUBLISHED: Final[LiteralString] = """
UPDATE auto_fixes SET status = 'published', merges = merges + (status = 'merged')::int,
    pull_request_url = %(url)s, updated_at = now()
WHERE error_id = ANY(%(ids)s)
    AND (status = 'verified'
        OR status = 'merged' AND right(pull_request_url, length(%(ending)s)) <> %(ending)s)"""

# No newer scan is applied while the outcomes of this one are recorded.
_LOCK_GENERATION: Final[LiteralString] = """
SELECT FROM repository_states JOIN scans USING (repository_id)
WHERE scans.id = %(scan_id)s AND repository_states.generation = %(generation)s
FOR SHARE OF repository_states"""

_OFFERED: Final[LiteralString] = """
SELECT auto_fixes.pull_request_url AS url, errors.id, errors.status = 'open' AS is_open
FROM auto_fixes JOIN errors ON errors.id = auto_fixes.error_id
WHERE errors.repository_id = %(repository)s AND auto_fixes.status = 'published'
    AND auto_fixes.pull_request_url IS NOT NULL
ORDER BY auto_fixes.updated_at DESC LIMIT 1000"""

_SETTLE: Final[LiteralString] = """
UPDATE auto_fixes SET status = %(status)s, declined = %(declined)s, updated_at = now()
FROM errors
WHERE errors.id = auto_fixes.error_id AND errors.repository_id = %(repository)s
    AND right(auto_fixes.pull_request_url, length(%(ending)s)) = %(ending)s
    AND (auto_fixes.status = 'published' OR
        auto_fixes.status = 'closed' AND auto_fixes.declined AND %(status)s = 'merged')
    AND errors.id <> ALL(%(keep)s)"""

_REOPEN: Final[LiteralString] = """
UPDATE auto_fixes SET status = 'published', declined = false, updated_at = now()
FROM errors
WHERE errors.id = auto_fixes.error_id AND errors.repository_id = %(repository)s
    AND right(auto_fixes.pull_request_url, length(%(ending)s)) = %(ending)s
    AND auto_fixes.status = 'closed' AND errors.status = 'open'"""

_PAGE_OF: Final[LiteralString] = """
SELECT auto_fixes.pull_request_url AS url
FROM auto_fixes JOIN errors ON errors.id = auto_fixes.error_id
WHERE errors.repository_id = %(repository)s
    AND right(auto_fixes.pull_request_url, length(%(ending)s)) = %(ending)s
ORDER BY auto_fixes.updated_at DESC LIMIT 1"""

_PUBLISHABLE: Final[LiteralString] = (
    _SELECT
    + """ WHERE errors.repository_id = %(repository)s AND auto_fixes.status = 'verified'
    AND errors.status = 'open'
ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], errors.severity),
    errors.path, auto_fixes.id LIMIT %(limit)s"""
)

_WITHDRAWN: Final[LiteralString] = """
SELECT DISTINCT auto_fixes.pull_request_url AS url
FROM auto_fixes JOIN errors ON errors.id = auto_fixes.error_id
WHERE errors.repository_id = %(repository)s AND auto_fixes.pull_request_url IS NOT NULL
    AND auto_fixes.status NOT IN ('published', 'merged') AND NOT auto_fixes.declined"""

_DECLINED: Final[LiteralString] = """
SELECT errors.id FROM auto_fixes JOIN errors ON errors.id = auto_fixes.error_id
WHERE errors.repository_id = %(repository)s AND auto_fixes.declined"""


# Who has lost a lease finds another token there, or no row.
_TAKE: Final[LiteralString] = """
INSERT INTO pull_leases (repository_id, lease, lease_until)
VALUES (%(repository)s, gen_random_uuid(), now() + %(length)s)
ON CONFLICT (repository_id) DO UPDATE SET
    lease = EXCLUDED.lease, lease_until = EXCLUDED.lease_until
WHERE pull_leases.lease_until < now()
RETURNING lease"""

_RENEW: Final[LiteralString] = """
UPDATE pull_leases SET lease_until = now() + %(length)s
WHERE repository_id = %(repository)s AND lease = %(lease)s"""

_RELEASE: Final[LiteralString] = """
DELETE FROM pull_leases WHERE repository_id = %(repository)s AND lease = %(lease)s"""


class PostgresFixStore:
    """Implements fixes.ports.FixStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self,
        scan_id: str,
        fixes: Sequence[ProvedFix],
        error_ids: dict[str, str],
        *,
        generation: int | None = None,
    ) -> bool:
        """Record each outcome."""
        rows = [
            _values(scan_id, fix, error_ids[fix.finding.fingerprint])
            for fix in fixes
            if fix.finding.fingerprint in error_ids
        ]
        values = {"scan_id": as_uuid(scan_id), "generation": generation}
        async with self._database.transaction() as connection:
            if generation is not None and not await _lock_generation(connection, values):
                return False
            if rows:
                await connection.cursor().executemany(_SAVE, rows)
                await record_ready_fixes(connection, as_uuid(scan_id))
        return True

    async def mark_published(self, error_ids: Sequence[str], url: str) -> None:
        """Note the pull request."""
        async with self._database.transaction() as connection:
            await connection.execute(
                _MARK_PUBLISHED,
                {
                    "ids": [as_uuid(error_id) for error_id in error_ids],
                    "url": url,
                    "ending": _ending(url),
                },
            )

    async def offered(self, repository_id: str) -> dict[str, dict[str, bool]]:
        """Return published fixes by pull request, the newest thousand."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_OFFERED, {"repository": as_uuid(repository_id)})
            pages: dict[str, str] = {}
            by_url: dict[str, dict[str, bool]] = {}
            async for row in cursor:
                page = pages.setdefault(_ending(row["url"]), row["url"])
                by_url.setdefault(page, {})[str(row["id"])] = row["is_open"]
        return by_url

    async def settle(
        self,
        repository_id: str,
        url: str,
        status: FixStatus,
        *,
        declined: bool = False,
        keep: Collection[str] = (),
    ) -> None:
        """Record what became of a pull request."""
        values = {
            "repository": as_uuid(repository_id),
            "ending": _ending(clean(url)),
            "status": status.value,
            "declined": declined,
            "keep": [as_uuid(error_id) for error_id in keep],
        }
        async with self._database.transaction() as connection:
            await connection.execute(_SETTLE, values)

    async def reopen(self, repository_id: str, url: str) -> None:
        """Publish them again."""
        values = {"repository": as_uuid(repository_id), "ending": _ending(clean(url))}
        async with self._database.transaction() as connection:
            await connection.execute(_REOPEN, values)

    async def page_of(self, repository_id: str, number: int) -> str | None:
        """Find it by the end of the address."""
        values = {"repository": as_uuid(repository_id), "ending": f"/pull/{number}"}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_PAGE_OF, values)).fetchone()
        return str(row["url"]) if row else None

    async def publishable(self, repository_id: str, limit: int) -> Sequence[Fix]:
        """Find those that a button publishes."""
        values = {"repository": as_uuid(repository_id), "limit": limit}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_PUBLISHABLE, values)
            return [_fix(row) async for row in cursor]

    async def withdrawn(self, repository_id: str) -> frozenset[str]:
        """Return what Kova closed itself."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_WITHDRAWN, {"repository": as_uuid(repository_id)})
            return frozenset([row["url"] async for row in cursor])

    async def declined(self, repository_id: str) -> frozenset[str]:
        """Return what people do not want."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_DECLINED, {"repository": as_uuid(repository_id)})
            return frozenset([str(row["id"]) async for row in cursor])

    async def get(self, fix_id: str, reach: Reach) -> Fix | None:
        """Find one."""
        query: LiteralString = _SELECT + " WHERE auto_fixes.id = %(id)s AND " + REACHED
        values = {"id": as_uuid(fix_id), **reach_values(reach)}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(query, values)).fetchone()
        return _fix(row) if row else None

    async def page(
        self, request: PageRequest, repository: str | None, status: FixStatus | None, reach: Reach
    ) -> Page[Fix]:
        """List, newest first."""
        where: list[LiteralString] = []
        if repository is not None:
            if not reach.covers(repository):
                return Page(items=(), next=None)
            reach = EVERYTHING  # The filter is narrower.
            where.append(
                "errors.repository_id ="
                " (SELECT id FROM repositories WHERE lower(full_name) = lower(%(repository)s))"
            )
        if not reach.is_everything:
            where.append(
                "errors.repository_id IN"
                " (SELECT id FROM repositories WHERE lower(full_name) = ANY(%(reach)s))"
            )
        if status is not None:
            where.append("auto_fixes.status = %(status)s")
        async with self._database.reading() as connection:
            return await fetch_page(
                connection,
                select=_SELECT,
                table="auto_fixes",
                ordered_by="created_at",
                where=where,
                values={"repository": repository, "status": status, **reach_values(reach)},
                request=request,
                make=_fix,
            )


class PostgresPullLeases:
    """Implements fixes.ports.PullLeases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, repository_id: str, lease: timedelta) -> str | None:
        """Write it, unless one is there that has not ended."""
        values = {"repository": as_uuid(repository_id), "length": lease}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_TAKE, values)).fetchone()
        return str(row["lease"]) if row else None

    async def renew(self, repository_id: str, token: str, lease: timedelta) -> bool:
        """Prolong it, also one that has ended and that nobody has taken."""
        values = {"repository": as_uuid(repository_id), "lease": as_uuid(token), "length": lease}
        async with self._database.transaction() as connection:
            return (await connection.execute(_RENEW, values)).rowcount == 1

    async def release(self, repository_id: str, token: str) -> None:
        """Delete it."""
        values = {"repository": as_uuid(repository_id), "lease": as_uuid(token)}
        async with self._database.transaction() as connection:
            await connection.execute(_RELEASE, values)


def _ending(url: str) -> str:
    """Return the end of a pull request's page that stays when its repository gets a new name."""
    number = pull_number(url)
    return url if number is None else f"/pull/{number}"


async def _lock_generation(connection: Connection, values: dict[str, Any]) -> bool:
    return (await connection.execute(_LOCK_GENERATION, values)).rowcount == 1


def _values(scan_id: str, fix: ProvedFix, error_id: str) -> dict[str, Any]:
    return clean_values(
        {
            "error_id": as_uuid(error_id),
            "scan_id": as_uuid(scan_id),
            "strategy": fix.strategy.value,
            "provider": fix.provider,
            "model": fix.model,
            "status": fix.status.value,
            "safe": fix.safe,
            "patch": fix.patch,
            "verification": Jsonb(
                [
                    {"step": check.step, "passed": check.passed, "detail": clean(check.detail)}
                    for check in fix.verification
                ]
            ),
            "rejection": fix.rejection,
            "cost_usd": fix.cost_usd,
        }
    )


def _fix(row: DictRow) -> Fix:
    return Fix(
        id=str(row["id"]),
        error_id=str(row["error_id"]),
        repository=row["repository"],
        path=row["path"],
        rule_id=row["rule_id"],
        message=row["message"],
        strategy=Strategy(row["strategy"]),
        provider=row["provider"],
        model=row["model"],
        status=FixStatus(row["status"]),
        safe=row["safe"],
        patch=row["patch"],
        verification=tuple(
            Verification(step=Step(check["step"]), passed=check["passed"], detail=check["detail"])
            for check in row["verification"]
        ),
        rejection=row["rejection"],
        pull_request_url=row["pull_request_url"],
        cost_usd=row["cost_usd"],
        created_at=row["created_at"],
        blob_sha=row["blob_sha"],
    )
