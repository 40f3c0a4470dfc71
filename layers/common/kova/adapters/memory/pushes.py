"""Pushes in memory: each move of a branch, or of a pull request's head, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kova.scans.branch_head import Push
from kova.scans.scan import ScanTarget

if TYPE_CHECKING:
    from kova.adapters.memory.database import MemoryDatabase


@dataclass(frozen=True, kw_only=True)
class PushRow:
    """A push with the ref that it moved."""

    repository_id: str
    ref: str
    push: Push


class MemoryPushStore:
    """Implements scans.ports.PushStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def record(self, target: ScanTarget, repository_id: str, scan_id: str) -> None:
        """Record the push that a scan is about, once; nothing where nobody pushed."""
        self._database.check()
        key = target.push_key
        if key is None or (repository_id, key) in self._database.pushes:
            return
        assert target.ref is not None
        assert target.commit_sha is not None
        second = target.pushed_at
        push = Push(
            before=target.before,
            after=target.commit_sha,
            forced=target.forced,
            pushed_at=None if second is None else datetime.fromtimestamp(second, UTC),
            received_at=self._database.now(),
            scan_id=scan_id,
        )
        row = PushRow(repository_id=repository_id, ref=target.ref, push=push)
        self._database.pushes[repository_id, key] = row

    async def list(self, repository_id: str, ref: str) -> Sequence[Push]:
        """Return the last hundred pushes of a ref, those received last first."""
        self._database.check()
        rows = [
            self._with_status(row.push)
            for row in self._database.pushes.values()
            if (row.repository_id, row.ref) == (repository_id, ref)
        ]
        return sorted(rows, key=lambda push: push.received_at, reverse=True)[:100]

    def _with_status(self, push: Push) -> Push:
        row = self._database.scans.get(push.scan_id or "")
        return replace(push, scan_status=row.scan.status if row else None)
