"""Find what a re-run is about, where GitHub's event does not say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kova.scans.ports import ScanRecovery
from kova.scans.scan import ScanTarget
from kova.shared.code_source import CodeSource
from kova.shared.repository import Repository


class FindReruns:
    """Looks among the scans of the commit first, then at GitHub."""

    def __init__(self, *, recovery: ScanRecovery, source: CodeSource) -> None:
        self._recovery = recovery
        self._source = source

    async def find(self, repository: Repository, target: ScanTarget) -> Sequence[ScanTarget]:
        """Return the scans that an incomplete re-run asks for, each of them complete."""
        assert target.commit_sha is not None
        known = [
            replace(scan, delivery=target.delivery, rerun=True)
            for scan in await self._recovery.find_of_commit(repository.id, target.commit_sha)
            if target.pull_request in {None, scan.pull_request}
        ]
        if known or target.pull_request is None:
            return known
        pull = await self._source.pull_request(repository.ref, target.pull_request)
        return [replace(target, base_sha=pull.base_sha)]
