"""One analysis written over the errors that are known, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kova.adapters.postgres.error_columns import (
    COLUMNS,
    WRITTEN,
    ErrorColumn,
    column_values,
    list_arrays,
    list_names,
)
from kova.adapters.postgres.outbox import record_opened_errors
from kova.adapters.postgres.pool import Connection
from kova.adapters.postgres.recognition import Recognition
from kova.adapters.postgres.rows import as_uuid, clean_values
from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding
from kova.analysis.fingerprint import next_fingerprint
from kova.errors import lifecycle
from kova.errors.error import LifecycleChange
from kova.errors.lifecycle import History, KnownError
from kova.errors.ports import AppliedState
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import ConflictError, GenerationMovedError
from kova.shared.text import clean

# Whoever applies holds this row: two scans of one repository do so one after the other.
_LOCK: Final[LiteralString] = """
INSERT INTO repository_states (repository_id) VALUES (%(repository_id)s)
ON CONFLICT (repository_id) DO UPDATE SET repository_id = EXCLUDED.repository_id
RETURNING generation"""
# Last of all: the lease is renewed on another connection, which must not wait for this one.
_LOCK_LEASE: Final[LiteralString] = """
SELECT FROM scans WHERE id = %(scan_id)s AND lease = %(lease)s FOR SHARE"""

# What a statement writes in one go: the columns, the row that each belongs to (its id, or its
# fingerprint where it is new), its status, and whether this scan counts it.
_BATCH_COLUMNS: Final = (
    ErrorColumn("key", "text"),
    *COLUMNS,
    ErrorColumn("status", "text"),
    ErrorColumn("counted", "bool"),
)
_ROWS: Final[LiteralString] = (
    f" FROM unnest({list_arrays(_BATCH_COLUMNS)}) AS found ({list_names(_BATCH_COLUMNS)})"
)
_INSERT: Final[LiteralString] = (
    f"INSERT INTO errors (repository_id, fingerprint, introduced_in, opened_scan, {WRITTEN})"
    """ SELECT %(repository_id)s, key, CASE WHEN counted THEN %(commit_sha)s END,
    CASE WHEN counted THEN %(scan_id)s::uuid END, """
    f"{WRITTEN}{_ROWS} ORDER BY key RETURNING id, fingerprint"
)
_REFRESH: Final[LiteralString] = (
    f"UPDATE errors SET ({WRITTEN}) = (SELECT {list_names(COLUMNS, 'found')}),"  # noqa: S608 (literals only, and the type says so)
    """
    last_seen_at = now(), status = found.status, fixed_at = NULL,
    ignore_reason = CASE WHEN found.silenced_by IS NOT NULL THEN found.silenced_by
        WHEN found.status = 'ignored' THEN ignore_reason END,
    ignored_by = CASE WHEN found.silenced_by IS NOT NULL THEN 'kova'
        WHEN found.status = 'ignored' THEN ignored_by END,
    ignored_until = CASE WHEN found.silenced_by IS NULL AND found.status = 'ignored'
        THEN ignored_until END,
    reopened_at = CASE WHEN errors.status = 'fixed' THEN now() ELSE reopened_at END,
    reopened_count = reopened_count + (errors.status = 'fixed')::int,
    reopened_scan = CASE WHEN errors.status = 'fixed' AND found.counted THEN %(scan_id)s::uuid
        ELSE reopened_scan END"""
    f"{_ROWS} WHERE errors.id = found.key::uuid"
)
_TOUCH: Final[LiteralString] = "UPDATE errors SET last_seen_at = now() WHERE id = ANY(%(ids)s)"
_CLOSE: Final[LiteralString] = """
UPDATE errors SET status = 'fixed', fixed_at = now(), fixed_scan = %(scan_id)s
WHERE id = ANY(%(ids)s)"""
_SILENCE: Final[LiteralString] = """
UPDATE errors SET status = 'ignored', silenced_by = 'settings', ignore_reason = 'settings',
    ignored_by = 'kova' WHERE id = ANY(%(ids)s)"""
_RELOCATE: Final[LiteralString] = """
UPDATE errors SET path = moved.path FROM unnest(%(ids)s::uuid[], %(paths)s::text[])
AS moved (id, path) WHERE errors.id = moved.id"""
_STATE: Final[LiteralString] = """
UPDATE repository_states SET commit_sha = %(commit_sha)s,
    -- A trigger counts the generation wherever this changes.
    applied_at = CASE WHEN %(lease)s::uuid IS NULL THEN applied_at ELSE clock_timestamp() END,
    identities = identities || %(identities)s WHERE repository_id = %(repository_id)s
RETURNING generation"""

# By scan rather than by what this attempt changed: an earlier attempt of the same scan may have
# died after its transaction.
_COUNT: Final[LiteralString] = """
SELECT (SELECT count(*) FROM errors WHERE opened_scan = %(scan_id)s) AS new,
    (SELECT count(*) FROM errors WHERE fixed_scan = %(scan_id)s AND status = 'fixed') AS fixed,
    (SELECT count(*) FROM errors WHERE reopened_scan = %(scan_id)s) AS reopened"""


_BATCH: Final = 4_000


async def read_state(connection: Connection, repository_id: str) -> AppliedState | None:
    """Return the last scan that was applied."""
    cursor = await connection.execute(
        """SELECT commit_sha, identities, generation FROM repository_states
        WHERE repository_id = %(id)s AND applied_at IS NOT NULL""",
        {"id": as_uuid(repository_id)},
    )
    row = await cursor.fetchone()
    return AppliedState(**row) if row else None


class ApplyAnalysis:
    """Applies one analysis; used once, inside of a transaction."""

    def __init__(
        self,
        connection: Connection,
        claim: ClaimedScan,
        commit_sha: str,
        analysis: Analysis,
        history: History | None,
    ) -> None:
        self._connection = connection
        self._history = history or History()
        self._recognition = Recognition(
            connection, claim.repository_id, commit_sha, analysis, self._history
        )
        self._evidence = self._recognition.evidence
        self._values: dict[str, Any] = {
            "repository_id": as_uuid(claim.repository_id),
            "scan_id": as_uuid(claim.id),
            "lease": as_uuid(claim.lease),
            "commit_sha": commit_sha,
            "identities": Jsonb(
                {coverage.name: coverage.identity for coverage in analysis.coverage}
            ),
        }
        self._ids: dict[str, str] = {}

    async def apply(self, generation: int | None) -> LifecycleChange:
        """Recognise the known errors, write what changed, and return the counts."""
        locked = await (await self._execute(_LOCK)).fetchone()
        if generation not in {None, locked["generation"]}:
            raise GenerationMovedError
        matches = await self._recognition.recognise()
        known_errors = matches.known_errors
        await self._refresh(matches.pairs)
        await self._open(matches.new_findings)
        fixed = lifecycle.fixed_errors(matches, self._evidence, self._history)
        await self._update_by_id(_CLOSE, fixed)
        await self._update_by_id(_SILENCE, lifecycle.excluded_errors(known_errors, self._evidence))
        moved = lifecycle.relocated_errors(known_errors, self._evidence, self._history)
        await self._update_by_id(
            _RELOCATE, [error for error, _ in moved], paths=[clean(path) for _, path in moved]
        )
        state = await (await self._execute(_STATE)).fetchone()
        await record_opened_errors(self._connection, self._values["scan_id"])
        counts = await (await self._execute(_COUNT)).fetchone()
        assert counts is not None
        status = lifecycle.finding_status(matches, self._history, reopens=True)
        await self._check_lease()
        return LifecycleChange(
            **counts, error_ids=self._ids, finding_status=status, generation=state["generation"]
        )

    async def _check_lease(self) -> None:
        if self._values["lease"] is None:
            return  # Imported results, which no worker works on.
        if (await self._execute(_LOCK_LEASE)).rowcount != 1:
            raise ConflictError("Another worker took the scan over.")

    async def _refresh(self, pairs: Sequence[tuple[KnownError, Finding]]) -> None:
        changed: list[dict[str, Any]] = []
        same: list[KnownError] = []
        for error, finding in pairs:
            self._ids[finding.fingerprint] = error.id
            row = self._make_row(finding, error.id)
            status, row["silenced_by"] = lifecycle.status_when_seen(error, finding)
            row["status"] = status.value
            if row["content_digest"] == error.digest and status is error.status:
                # Of what did not change only the time is written, and that once an hour: a push
                # to a repository of many errors must not write them all.
                same += [error] if error.stale else []
            else:
                changed.append(row)
        await self._write_rows(_REFRESH, changed)
        await self._update_by_id(_TOUCH, same)

    async def _open(self, unknown: Sequence[Finding]) -> None:
        fresh = [finding for finding in unknown if finding.suppressed is None]
        if not fresh:
            return
        names = await self._find_free_fingerprints(fresh)
        rows = [
            {**self._make_row(finding, name), "status": "open", "silenced_by": None}
            for finding, name in zip(fresh, names, strict=True)
        ]
        returned = await self._write_rows(_INSERT, rows)
        ids = {row["fingerprint"]: str(row["id"]) for row in returned}
        for finding, name in zip(fresh, names, strict=True):
            self._ids[finding.fingerprint] = ids[name]

    async def _find_free_fingerprints(self, fresh: Sequence[Finding]) -> list[str]:
        """Return a public fingerprint for each new error: its own one, unless that is taken."""
        names = [finding.fingerprint for finding in fresh]
        for attempt in range(1, 1_000):
            cursor = await self._execute(
                """SELECT fingerprint FROM errors
                WHERE repository_id = %(repository_id)s AND fingerprint = ANY(%(names)s)""",
                names=names,
            )
            used = {row["fingerprint"] async for row in cursor}
            if not used:
                break
            names = [
                next_fingerprint(finding.fingerprint, attempt) if name in used else name
                for finding, name in zip(fresh, names, strict=True)
            ]
        return names

    def _make_row(self, finding: Finding, key: str) -> dict[str, Any]:
        ran = self._evidence.coverage.get(finding.analyzer)
        row = clean_values(
            {
                **column_values(finding),
                "blob_sha": self._evidence.blob(finding.path),
                "analyzer_identity": ran.identity if ran else None,
            }
        )
        digest = hashlib.blake2b(repr(sorted(row.items())).encode(), digest_size=12).digest()
        counted = not self._history.is_older(finding)
        return {**row, "key": key, "content_digest": digest, "counted": counted}

    async def _write_rows(
        self, query: LiteralString, rows: Sequence[dict[str, Any]]
    ) -> list[DictRow]:
        """Write rows, so many at once that no statement comes near its time-out."""
        returned: list[DictRow] = []
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            arrays = {column.name: [row[column.name] for row in batch] for column in _BATCH_COLUMNS}
            cursor = await self._execute(query, **arrays)
            returned += await cursor.fetchall() if cursor.description else []
        return returned

    async def _update_by_id(
        self, query: LiteralString, errors: Sequence[KnownError], **values: Sequence[Any]
    ) -> None:
        for start in range(0, len(errors), _BATCH):
            end = start + _BATCH
            ids = [as_uuid(error.id) for error in errors[start:end]]
            await self._execute(
                query, ids=ids, **{name: value[start:end] for name, value in values.items()}
            )

    async def _execute(self, query: LiteralString, **values: Any) -> Any:
        return await self._connection.execute(query, {**self._values, **values})
