"""What the life of errors needs from outside: the store of errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.analysis.analysis import Analysis
    from kova.analysis.finding import Finding
    from kova.errors.error import (
        ErrorRecord,
        ErrorStatus,
        FindingStatus,
        IgnoreDecision,
        IgnoredTogether,
        LifecycleChange,
        RuleCount,
    )
    from kova.errors.lifecycle import History
    from kova.errors.saved_view import SavedView
    from kova.shared.claimed_scan import ClaimedScan
    from kova.shared.page import Page, PageRequest
    from kova.shared.reach import Reach
    from kova.shared.severity import Severity


@dataclass(frozen=True, kw_only=True)
class ErrorFilter:
    """Which errors to list; None means any."""

    repository: str | None = None
    status: ErrorStatus | None = None
    severity: Severity | None = None
    analyzer: str | None = None
    rule: str | None = None
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class AppliedState:
    """The last scan that changed a repository's errors.

    Attributes:
        commit_sha: its commit.
        identities: analysers by name.
        generation: counts such scans.
    """

    commit_sha: str | None
    identities: dict[str, str]
    generation: int = 0


class ErrorStore(Protocol):
    """Errors and their life."""

    async def state(self, repository_id: str) -> AppliedState | None:
        """The last scan that changed the repository's errors, if there was one."""

    async def has_opened(self, scan_id: str) -> bool:
        """Whether a scan opened errors, or opened some again."""

    async def live_paths(self, repository_id: str) -> frozenset[str]:
        """The files that have open or ignored errors."""

    async def apply(
        self,
        claim: ClaimedScan,
        commit_sha: str,
        analysis: Analysis,
        history: History | None = None,
        *,
        generation: int | None = None,
    ) -> LifecycleChange:
        """Recognise what is known, open what is new, close what is gone (errors/lifecycle.py).

        In one transaction; applying the same analysis again changes nothing, and still counts
        what the scan's first attempt changed.

        Args:
            claim: the scan, whose lease must be this worker's still; imported results have none,
                and begin no new generation.
            commit_sha: its commit.
            analysis: of the commit.
            history: what happened since the last scan that was applied.
            generation: the one that the caller's knowledge of the branch is about; None for any.

        Raises:
            GenerationMovedError: another scan was applied since; nothing is changed.
            ConflictError: another worker has the scan; nothing is changed.
        """

    async def finding_status(
        self, repository_id: str, commit_sha: str, analysis: Analysis
    ) -> FindingStatus:
        """Return which findings of a commit are new and which are ignored; change nothing."""

    async def get(self, error_id: str, reach: Reach) -> ErrorRecord | None:
        """Return an error by id; None outside of the reach."""

    async def page(
        self, request: PageRequest, filters: ErrorFilter, reach: Reach
    ) -> Page[ErrorRecord]:
        """List those in the reach, newest first."""

    async def count(self, filters: ErrorFilter, reach: Reach, limit: int) -> int:
        """Return how many there are in the reach; `limit` stands for as many and more."""

    async def rules(self, full_name: str) -> list[RuleCount]:
        """The rules of a repository's open and ignored errors, those with most open ones first."""

    async def ignore(
        self, error_id: str, decision: IgnoreDecision, reach: Reach
    ) -> ErrorRecord | None:
        """Ignore an open error and record that; a fixed one stays fixed.

        None: there is no such error in the reach.

        Repeating it with the same reason changes and records nothing.
        """

    async def ignore_together(
        self, error_ids: Sequence[str], decision: IgnoreDecision, reach: Reach
    ) -> IgnoredTogether:
        """Ignore errors and record each, in one transaction: all of them or none.

        An error that is fixed, or not in the reach, is refused. Ids that come twice count once;
        what is ignored by the same decision already is in the result, and not recorded again.
        """

    async def open(self, error_id: str, actor: str, reach: Reach) -> ErrorRecord | None:
        """Open an ignored error and record that; others stay as they are.

        None: there is no such error in the reach.
        """

    async def expire(self) -> int:
        """Open the errors that are no longer ignored, by their dates; return how many."""

    async def of_scan(self, scan_id: str, limit: int, reach: Reach) -> list[Finding]:
        """The open findings of the scan's repository, the most severe first, for export.

        Outside of the reach there are none.
        """


class SavedViewStore(Protocol):
    """The views that people saved, each under its person's `actor`."""

    async def list(self, actor: str) -> list[SavedView]:
        """Return all of a person, by name."""

    async def save(self, actor: str, name: str, filters: dict[str, str]) -> SavedView:
        """Save a view, or replace the filters of the one of that name.

        Raises:
            TooManyViewsError: the person has MOST_VIEWS others.
        """

    async def delete(self, actor: str, view_id: str) -> bool:
        """Delete a view of a person; False where they have no such view."""
