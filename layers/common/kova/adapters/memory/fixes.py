"""Fixes and their proofs in memory: one an error, the latest outcome."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.outbox import record_ready_fixes
from kova.adapters.memory.pages import newest_first
from kova.errors.error import ErrorStatus
from kova.fixes.fix import Fix, FixStatus, ProvedFix
from kova.fixes.publisher import pull_number
from kova.shared.page import Page, PageRequest, Position
from kova.shared.reach import Reach

_UNSEEN: Final = frozenset({FixStatus.PROPOSED, FixStatus.VERIFIED, FixStatus.REJECTED})
"""Not yet shown to people on GitHub, so that another outcome may take its place."""


class MemoryFixStore:
    """Implements fixes.ports.FixStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def save(
        self,
        scan_id: str,
        fixes: Sequence[ProvedFix],
        error_ids: dict[str, str],
        *,
        generation: int | None = None,
    ) -> bool:
        """Record the outcome of each fix whose error has an id."""
        self._database.check()
        if generation is not None:
            state = self._database.states.get(self._database.scans[scan_id].repository_id)
            if state is None or state.generation != generation:
                return False
        saved: list[Fix] = []
        for fix in fixes:
            error_id = error_ids.get(fix.finding.fingerprint)
            if error_id is not None:
                saved += self._save_fix(fix, error_id)
        record_ready_fixes(self._database, scan_id, saved)
        return True

    async def mark_published(self, error_ids: Sequence[str], url: str) -> None:
        """Record the pull request that offers the fixes of these errors."""
        self._database.check()
        for fix in list(self._database.fixes.values()):
            # A merged one in another pull request: its error was back before a scan saw it gone.
            is_back = fix.status is FixStatus.MERGED and not _is_page_of(fix, url)
            if fix.error_id in error_ids and (fix.status is FixStatus.VERIFIED or is_back):
                self._database.merges[fix.id] += is_back
                self._database.fixes[fix.id] = replace(
                    fix, status=FixStatus.PUBLISHED, pull_request_url=url
                )

    async def offered(self, repository_id: str) -> dict[str, dict[str, bool]]:
        """Return the published fixes' errors by pull request: whether each is still open."""
        self._database.check()
        pages: dict[int | None, str] = {}
        by_url: dict[str, dict[str, bool]] = {}
        # Those that were written last come first.
        for fix in reversed(self._database.fixes.values()):
            error = self._database.errors[fix.error_id]
            is_offered = fix.status is FixStatus.PUBLISHED and fix.pull_request_url is not None
            if is_offered and error.repository_id == repository_id:
                url = str(fix.pull_request_url)
                errors = by_url.setdefault(pages.setdefault(pull_number(url), url), {})
                errors[fix.error_id] = error.status is ErrorStatus.OPEN
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
        """Record what became of a pull request's published fixes."""
        now = self._database.now()
        for fix in list(self._database.fixes.values()):
            is_merged = status is FixStatus.MERGED and fix.error_id in self._database.declined
            is_live = fix.status is FixStatus.PUBLISHED or is_merged
            is_meant = is_live and self._is_of(fix, repository_id, url)
            if is_meant and fix.error_id not in keep:
                self._database.fixes[fix.id] = replace(fix, status=status)
                self._database.settled_at[fix.id] = now
                if declined:
                    self._database.declined.add(fix.error_id)
                else:
                    self._database.declined.discard(fix.error_id)

    async def reopen(self, repository_id: str, url: str) -> None:
        """Record that people opened a closed pull request again."""
        self._database.check()
        for fix in list(self._database.fixes.values()):
            is_open = self._database.errors[fix.error_id].status is ErrorStatus.OPEN
            is_meant = is_open and self._is_of(fix, repository_id, url)
            if fix.status is FixStatus.CLOSED and is_meant:
                self._database.fixes[fix.id] = replace(fix, status=FixStatus.PUBLISHED)
                self._database.declined.discard(fix.error_id)

    async def page_of(self, repository_id: str, number: int) -> str | None:
        """Return the page under which a pull request was recorded last."""
        self._database.check()
        for fix in reversed(self._database.fixes.values()):
            page = fix.pull_request_url
            if page is not None and self._is_of(fix, repository_id, f"/pull/{number}"):
                return page
        return None

    async def publishable(self, repository_id: str, limit: int) -> Sequence[Fix]:
        """Return proved fixes of open errors that are in no pull request."""
        self._database.check()
        rows = [
            (self._database.errors[fix.error_id], self._with_error(fix))
            for fix in self._database.fixes.values()
            if fix.status is FixStatus.VERIFIED
        ]
        rows = [
            (error, fix)
            for error, fix in rows
            if error.repository_id == repository_id and error.status is ErrorStatus.OPEN
        ]
        rows.sort(key=lambda row: (row[0].finding.severity.rank, row[1].path, row[1].id))
        return [fix for _, fix in rows[:limit]]

    async def withdrawn(self, repository_id: str) -> frozenset[str]:
        """Return pages of pull requests that Kova closed itself."""
        self._database.check()
        return frozenset(
            fix.pull_request_url
            for fix in self._database.fixes.values()
            if fix.pull_request_url is not None
            and fix.status not in {FixStatus.PUBLISHED, FixStatus.MERGED}
            and fix.error_id not in self._database.declined
            and self._database.errors[fix.error_id].repository_id == repository_id
        )

    async def declined(self, repository_id: str) -> frozenset[str]:
        """Return the ids of the errors whose fix people do not want."""
        self._database.check()
        errors = self._database.errors
        return frozenset(
            error_id
            for error_id in self._database.declined
            if errors[error_id].repository_id == repository_id
        )

    async def get(self, fix_id: str, reach: Reach) -> Fix | None:
        """Return a fix by id; None outside of the reach."""
        self._database.check()
        row = self._database.fixes.get(fix_id)
        fix = self._with_error(row) if row else None
        return fix if fix is not None and reach.covers(fix.repository) else None

    async def page(
        self, request: PageRequest, full_name: str | None, status: FixStatus | None, reach: Reach
    ) -> Page[Fix]:
        """List those in the reach, newest first."""
        self._database.check()
        fixes = [self._with_error(fix) for fix in self._database.fixes.values()]
        return newest_first(
            [
                fix
                for fix in fixes
                if (full_name is None or fix.repository.lower() == full_name.lower())
                and (status is None or fix.status is status)
                and reach.covers(fix.repository)
            ],
            request,
            lambda fix: Position(at=fix.created_at, id=fix.id),
        )

    def _save_fix(self, fix: ProvedFix, error_id: str) -> list[Fix]:
        rows = self._database.fixes
        existing = next((row for row in rows.values() if row.error_id == error_id), None)
        if existing is not None and not self._is_replaceable(existing):
            return []
        if existing is not None and existing.status is FixStatus.MERGED:
            self._database.merges[existing.id] += 1
        row = Fix(
            id=existing.id if existing else str(uuid.uuid4()),
            error_id=error_id,
            repository="",
            path=fix.finding.path,
            rule_id=fix.finding.rule_id,
            message=fix.finding.message,
            strategy=fix.strategy,
            provider=fix.provider,
            model=fix.model,
            status=fix.status,
            safe=fix.safe,
            patch=fix.patch,
            verification=fix.verification,
            rejection=fix.rejection,
            pull_request_url=existing.pull_request_url if existing else None,
            cost_usd=fix.cost_usd + (existing.cost_usd if existing else 0),
            created_at=existing.created_at if existing else self._database.now(),
        )
        rows[row.id] = row
        return [row]

    def _is_of(self, fix: Fix, repository_id: str, url: str) -> bool:
        error = self._database.errors[fix.error_id]
        return error.repository_id == repository_id and _is_page_of(fix, url)

    def _is_replaceable(self, fix: Fix) -> bool:
        is_gone = fix.status is FixStatus.CLOSED and fix.error_id not in self._database.declined
        return fix.status in _UNSEEN or is_gone or self._is_back(fix)

    def _is_back(self, fix: Fix) -> bool:
        """True for a merged fix whose error has come back since."""
        if fix.status is not FixStatus.MERGED or fix.id not in self._database.settled_at:
            return False
        error = self._database.errors[fix.error_id]
        if error.status is not ErrorStatus.OPEN or error.reopened_at is None:
            return False
        return error.reopened_at >= self._database.settled_at[fix.id]

    def _with_error(self, fix: Fix) -> Fix:
        """Return the fix with what its error says today."""
        error = self._database.errors[fix.error_id]
        return replace(
            fix,
            repository=self._database.repositories[error.repository_id].full_name,
            path=error.finding.path,
            rule_id=error.finding.rule_id,
            message=error.finding.message,
            blob_sha=error.blob_sha,
        )


def _is_page_of(fix: Fix, url: str) -> bool:
    """True where a fix is in a pull request, under whatever name of its repository."""
    return fix.pull_request_url is not None and (
        pull_number(fix.pull_request_url) == pull_number(url)
    )


class MemoryPullLeases:
    """Implements fixes.ports.PullLeases."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._leases: dict[str, tuple[str, datetime]] = {}

    async def take(self, repository_id: str, lease: timedelta) -> str | None:
        """Write it, unless one is there that has not ended."""
        self._database.check()
        now = self._database.now()
        if repository_id in self._leases and self._leases[repository_id][1] >= now:
            return None
        token = str(uuid.uuid4())
        self._leases[repository_id] = token, now + lease
        return token

    async def renew(self, repository_id: str, token: str, lease: timedelta) -> bool:
        """Prolong it, also one that has ended and that nobody has taken."""
        self._database.check()
        if not self._has(repository_id, token):
            return False
        self._leases[repository_id] = token, self._database.now() + lease
        return True

    async def release(self, repository_id: str, token: str) -> None:
        """Forget it."""
        self._database.check()
        if self._has(repository_id, token):
            del self._leases[repository_id]

    def _has(self, repository_id: str, token: str) -> bool:
        return self._leases.get(repository_id, ("",))[0] == token
