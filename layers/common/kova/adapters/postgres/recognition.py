"""The errors of a repository as they are known, recognised among the findings of a scan."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.error_columns import IDENTIFYING, read_traits
from kova.adapters.postgres.pool import Connection
from kova.adapters.postgres.rows import as_uuid
from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding, Traits
from kova.errors import lifecycle
from kova.errors.error import ErrorStatus
from kova.errors.former_keys import rekey_error, traits_by_former
from kova.errors.lifecycle import ErrorMatches, History, KnownError, ScanEvidence
from kova.shared.text import clean

_KOVA: Final = "kova"

_KNOWN: Final[LiteralString] = (
    f"SELECT id, fingerprint, status, ignored_by, {IDENTIFYING},"  # noqa: S608 (literals only, and the type says so)
    """ last_seen_at < now() - interval '1 hour' AS stale,
    COALESCE(introduced_in = %(commit_sha)s, false) OR COALESCE(reopened_scan IN (
        SELECT id FROM scans WHERE repository_id = %(repository_id)s
            AND commit_sha = %(commit_sha)s), false) AS fresh
FROM errors WHERE repository_id = %(repository_id)s"""
)
_LIVE: Final[LiteralString] = " AND status <> 'fixed'"
_FIXED: Final[LiteralString] = " AND status = 'fixed' AND path = ANY(%(paths)s)"


class Recognition:
    """Recognises known errors among findings; used once, in a transaction, and only reads."""

    def __init__(
        self,
        connection: Connection,
        repository_id: str,
        commit_sha: str,
        analysis: Analysis,
        history: History,
    ) -> None:
        self._connection = connection
        self._history = history
        self.evidence = ScanEvidence(analysis)
        self._findings = [
            _with_stored_path(finding) for finding in (*analysis.findings, *analysis.suppressed)
        ]
        self._traits_by_former = traits_by_former(self._findings)
        self._values: dict[str, Any] = {
            "repository_id": as_uuid(repository_id),
            "commit_sha": commit_sha,
        }

    async def recognise(self) -> ErrorMatches:
        """Return the known errors, and which findings they are."""
        known_errors = await self._load_known(_LIVE)
        matches = await self._match(known_errors)
        fixed_errors = await self._load_fixed(lifecycle.doubtful_findings(matches))
        return await self._match([*known_errors, *fixed_errors]) if fixed_errors else matches

    async def _load_known(self, condition: LiteralString, **values: Any) -> list[KnownError]:
        query: LiteralString = _KNOWN + condition
        cursor = await self._connection.execute(query, {**self._values, **values})
        # Rows from before traits were kept are recognised by their fingerprint.
        born = {finding.fingerprint: finding.traits for finding in self._findings}
        rows = [_read_known(row, born.get(row["fingerprint"])) async for row in cursor]
        return [rekey_error(error, self._traits_by_former) for error in rows]

    async def _match(self, known_errors: Sequence[KnownError]) -> ErrorMatches:
        # In a thread: the lease is renewed on this loop meanwhile.
        return await asyncio.to_thread(
            lifecycle.match_errors, known_errors, self._findings, self.evidence, self._history
        )

    async def _load_fixed(self, unknown: Sequence[Finding]) -> list[KnownError]:
        """Return fixed errors that may have come back: of the files with something unknown."""
        if not unknown:
            return []
        paths = {finding.path for finding in unknown}
        paths |= {old for old, new in self._history.moved.items() if new in paths}
        return await self._load_known(_FIXED, paths=[clean(path) for path in paths])


def _with_stored_path(finding: Finding) -> Finding:
    """Return the finding with the path that its row has."""
    path = clean(finding.path)
    return finding if path == finding.path else replace(finding, path=path)


def _read_known(row: DictRow, born: Traits | None) -> KnownError:
    traits = read_traits(row) or born or Traits(line="", scope="", window="", match="")
    return KnownError(
        id=str(row["id"]),
        fingerprint=row["fingerprint"],
        analyzer=row["analyzer"],
        rule_id=row["rule_id"],
        path=row["path"],
        line=row["start_line"],
        column=row["start_column"],
        traits=traits,
        status=ErrorStatus(row["status"]),
        # A person who ignores it afterwards is somebody else.
        suppressed=row["silenced_by"] is not None and row["ignored_by"] == _KOVA,
        blob_sha=row["blob_sha"],
        identity=row["analyzer_identity"],
        digest=row["content_digest"],
        stale=row["stale"],
        introduced=row["fresh"],
    )
