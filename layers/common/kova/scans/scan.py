"""One analysis of one commit."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from kova.shared.skipped import Skipped

CHECK_OF_BRANCH: Final = "kova/branch"
CHECK_OF_MERGE_GROUP: Final = "kova/merge-group"
CHECK_OF_PULL: Final = "kova/pull/"
# The buttons of a branch's check run.
FIX_BUTTON: Final = "fix"
IGNORE_BUTTON: Final = "ignore"


class Trigger(enum.StrEnum):
    """The event that requested the scan."""

    PUSH = "push"
    PULL_REQUEST = "pull_request"
    API = "api"


class ScanStatus(enum.StrEnum):
    """The status of a scan; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        """Tell whether nothing more will happen."""
        return self in {ScanStatus.SUCCEEDED, ScanStatus.FAILED, ScanStatus.SKIPPED}


@dataclass(frozen=True, kw_only=True)
class ScanStats:
    """Counts of one scan; `duration_ms` is wall time from claim to the rows written.

    What people ignore and what the code or its settings suppress are no `errors`.
    """

    files: int = 0
    files_analyzed: int = 0
    files_cached: int = 0
    files_skipped: int = 0
    errors: int = 0
    new_errors: int = 0
    fixed_errors: int = 0
    reopened_errors: int = 0
    ignored: int = 0
    suppressed: int = 0
    duration_ms: int = 0


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A scan as the API shows it.

    Attributes:
        failure: why it failed for good, or was skipped.
        attempts: how often a worker took it up.
        retry_at: when the next attempt is due, while it waits for one.
        retry_reason: what the last attempt failed with, while it waits.
    """

    id: str
    repository: str
    ref: str | None
    commit_sha: str | None
    trigger: Trigger
    status: ScanStatus
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stats: ScanStats = field(default_factory=ScanStats)
    skipped: tuple[Skipped, ...] = ()
    coverage: Mapping[str, Any] = field(default_factory=dict)
    failure: str | None = None
    check_run_url: str | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    retry_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class FailureSeries:
    """How often a scan failed in the same way without a pause, and since when."""

    attempt: int
    age: timedelta


@dataclass(frozen=True, kw_only=True)
class OverdueScan:
    """A scan that nothing happened to when something should have.

    Attributes:
        requeues: how often its message was sent anew without a claim, this time included.
        retry_at: when its next attempt is due, if it waits for one.
    """

    id: str
    target: ScanTarget
    requeues: int
    retry_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ScanTarget:
    """What is to be scanned; the same target scanned twice is one scan.

    Attributes:
        repository: `owner/name`.
        github_id: GitHub's number of the repository, where the event named it.
        installation_id: the App's installation, where the event named it.
        ref: full ref name (`refs/heads/main`) or None for the default branch.
        commit_sha: the commit, or None to resolve it from the ref.
        before: where the ref was before the push; all zeros where it was not there.
        forced: the push took commits away.
        pushed_at: the second, in Unix time, at which GitHub says that it moved.
        push_id: tells the pushes of one commit to one ref apart; None where nobody pushed.
        pull_request: the number, for pull requests.
        base_sha: the commit that the head of a pull request, or of a group of them in a merge
            queue, is compared with.
        delivery: GitHub's delivery id, for webhooks.
        scan_id: the row that POST /api/scan made beforehand.
        full: analyse everything again.
        fix: propose and prove fixes.
        rerun: people ask for it again, however it ended.
    """

    repository: str
    trigger: Trigger
    github_id: int | None = None
    installation_id: int | None = None
    default_branch: str | None = None
    private: bool = False
    ref: str | None = None
    commit_sha: str | None = None
    before: str | None = None
    forced: bool = False
    pushed_at: int | None = None
    push_id: str | None = None
    pull_request: int | None = None
    base_sha: str | None = None
    delivery: str | None = None
    scan_id: str | None = None
    full: bool = False
    fix: bool = True
    rerun: bool = False

    def of_known(self, full_name: str, installation_id: int | None) -> ScanTarget:
        """Return the target about a repository that is stored.

        What the event said of the repository is left out: it may be renamed or installed anew
        since, and must not become what it was.
        """
        return replace(
            self,
            repository=full_name,
            installation_id=installation_id,
            github_id=None,
            default_branch=None,
            private=False,
        )

    @property
    def external_id(self) -> str:
        """The check run's external id: what it is about, and not which scan made it."""
        if self.pull_request is not None:
            return f"{CHECK_OF_PULL}{self.pull_request}"
        return CHECK_OF_MERGE_GROUP if self.is_proposal else CHECK_OF_BRANCH

    @property
    def is_proposal(self) -> bool:
        """Whether it is about what would be merged, and not about a branch as a whole."""
        return self.pull_request is not None or self.base_sha is not None

    @property
    def is_incomplete(self) -> bool:
        """True for a re-run that does not say enough: GitHub names no pull requests of forks."""
        if not self.rerun or self.scan_id is not None:
            return False
        return self.base_sha is None if self.pull_request is not None else self.ref is None

    @property
    def names_no_push(self) -> bool:
        """True for a re-run of a branch's commit: GitHub does not say which push brought it."""
        return self.rerun and not (self.push_id or self.scan_id or self.is_proposal)

    @property
    def push_key(self) -> str | None:
        """What makes two deliveries the same push; None where nobody pushed."""
        if self.push_id is None or self.ref is None or self.commit_sha is None:
            return None
        return f"{self.ref}:{self.before}:{self.commit_sha}:{self.push_id}"

    @property
    def dedupe_key(self) -> str:
        """What makes two requests the same work: GitHub's delivery id alone is not enough."""
        if self.scan_id:
            return f"api:{self.scan_id}"
        if self.pull_request is not None:
            return f"pull_request:{self.pull_request}:{self.base_sha}:{self.commit_sha}"
        if self.is_proposal:
            return f"merge_group:{self.base_sha}:{self.commit_sha}"
        # A branch may come back to a commit; of a pull request each commit is looked at once.
        return f"push:{self.push_key or f'{self.ref}:{self.commit_sha}'}"
