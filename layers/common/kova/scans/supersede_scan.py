"""Skip the scan of a commit that a newer push has replaced before a worker took it up."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kova.errors.ports import ErrorStore
from kova.scans.branch_head import Push, find_successors, is_newer
from kova.scans.claim_scan import LEASE, renewing_claim
from kova.scans.ports import PushStore, ScanRecovery, ScanStore
from kova.scans.publish_scan import PublishScan
from kova.scans.scan import Scan, ScanStatus, ScanTarget
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import GitHubRefusedError, KovaError, NotFoundError
from kova.shared.repository import Repository
from kova.shared.retry import is_passing

_LOG = logging.getLogger("kova.scan")


class SupersedeScan:
    """Skips what nobody waits for any more. No result depends on it, for it only saves work."""

    def __init__(
        self,
        *,
        scans: ScanStore,
        recovery: ScanRecovery,
        pushes: PushStore,
        errors: ErrorStore,
        source: CodeSource,
        publish: PublishScan,
    ) -> None:
        self._scans = scans
        self._recovery = recovery
        self._pushes = pushes
        self._errors = errors
        self._source = source
        self._publish = publish

    async def supersede(
        self, repository: Repository, target: ScanTarget, scan: Scan, *, is_vital: bool = True
    ) -> bool:
        """Skip a scan that no worker has in hand where a newer push is known; True if skipped.

        What somebody has asked for by hand is never skipped, nor what may be the newest.

        Raises:
            BusyError: another worker has a scan of the commit in hand.
            UnavailableError: GitHub or the database does not answer.
            GitHubRefusedError: where `is_vital`, it is refused for a moment.
            NotFoundError: as that.
        """
        if target.push_key is None or target.rerun or target.ref is None:
            return False
        if scan.status in {ScanStatus.SUCCEEDED, ScanStatus.FAILED}:
            return False
        pushes = await self._pushes.list(repository.id, target.ref)
        newer = await self._find_newer(repository, target, pushes)
        if newer is None or await self._is_by_hand(scan):
            return False
        if scan.status is ScanStatus.QUEUED and await self._is_shown(repository, target):
            return False
        if scan.attempts and await self._errors.has_opened(scan.id):
            return False  # Its worker died before it told them: no other scan calls them new.
        ref = target.ref.removeprefix("refs/heads/")
        reason = f"superseded: {newer.after} was pushed to {ref} before a worker took this one up."
        if scan.status is not ScanStatus.SKIPPED and not await self._scans.skip(scan.id, reason):
            return False
        if scan.check_run_url is None:
            await self._tell_once(repository, target, scan.id, reason, is_vital=is_vital)
        return True

    async def _find_newer(
        self, repository: Repository, target: ScanTarget, pushes: Sequence[Push]
    ) -> Push | None:
        """Return the last push of those that are certain to have come after this commit."""
        assert target.commit_sha is not None
        state = await self._errors.state(repository.id)
        applied = state.commit_sha if state else None
        newer = [
            push
            for push in find_successors(target.commit_sha, pushes)
            if _is_looked_at(push, target, applied)
        ]
        return next(
            (push for push in newer if not any(is_newer(other, push, pushes) for other in newer)),
            None,
        )

    async def _is_shown(self, repository: Repository, target: ScanTarget) -> bool:
        """Tell whether GitHub says, or cannot be asked, that the commit is the newest after all."""
        try:
            if target.pull_request is not None:
                pull = await self._source.pull_request(repository.ref, target.pull_request)
                return pull.head_sha == target.commit_sha
            assert target.ref is not None
            return await self._source.resolve(repository.ref, target.ref) == target.commit_sha
        except KovaError:
            return True

    async def _is_by_hand(self, scan: Scan) -> bool:
        stored = await self._recovery.find_target(scan.id)
        return stored is not None and stored.rerun

    async def _tell_once(
        self,
        repository: Repository,
        target: ScanTarget,
        scan_id: str,
        reason: str,
        *,
        is_vital: bool,
    ) -> None:
        """Say so on the commit, unless another scan of it has ended with a result of its own.

        Its branch may come back to it at any moment: no scan of the commit runs meanwhile.
        """
        claim = await self._scans.hold_skipped(scan_id, LEASE)
        if claim is None:
            return  # It is wanted again by now, and another message stands for it.
        url = None
        try:
            async with renewing_claim(self._scans, claim):
                assert target.ref is not None
                pushes = await self._pushes.list(repository.id, target.ref)
                if not _has_result(target, pushes):
                    url = await self._tell(repository, target, scan_id, reason, is_vital=is_vital)
        finally:
            await self._scans.release_skipped(claim, url)

    async def _tell(
        self,
        repository: Repository,
        target: ScanTarget,
        scan_id: str,
        reason: str,
        *,
        is_vital: bool,
    ) -> str | None:
        """Return the check run's page; where GitHub takes none, the scan's row alone says it."""
        try:
            return await self._publish.publish_skip(repository, target, reason)
        except (GitHubRefusedError, NotFoundError) as exc:
            if is_vital and is_passing(exc):
                raise
            context = {"repository": repository.full_name, "scan": scan_id, "reason": exc.reason}
            _LOG.warning("that a scan was skipped is not on its commit", extra=context)
            return None


def _has_result(target: ScanTarget, pushes: Sequence[Push]) -> bool:
    return any(
        push.after == target.commit_sha and push.scan_status is ScanStatus.SUCCEEDED
        for push in pushes
    )


def _is_looked_at(push: Push, target: ScanTarget, applied: str | None) -> bool:
    """Tell whether a push's commit will be scanned, or is what people see already."""
    if push.scan_status in {ScanStatus.QUEUED, ScanStatus.RUNNING}:
        return True
    is_shown = target.is_proposal or push.after == applied
    return push.scan_status is ScanStatus.SUCCEEDED and is_shown
