"""Offer one fix in a pull request of its own, on the very file that it was proved on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from kova.analysis.source_text import decode
from kova.fixes.fix import Fix
from kova.fixes.hold_pulls import HoldPulls
from kova.fixes.patch import PatchError, apply_patch
from kova.fixes.ports import FixStore, Publisher
from kova.fixes.publisher import FixPullRequest, pull_numbers
from kova.fixes.pull_request_text import fix_body, fix_title
from kova.fixes.request_publish import PUBLISHABLE
from kova.shared.code_source import CodeSource, FetchLimits
from kova.shared.exceptions import GitHubRefusedError, StaleFixError, StaleHeadError
from kova.shared.ports import RepositoryStore
from kova.shared.reach import EVERYTHING
from kova.shared.repository import Repository

MOST_FIXES_AT_ONCE: Final = 10
"""So many pull requests one press of a button opens at most."""


class PublishFix:
    """The fix worker's job; repeating it changes nothing more."""

    def __init__(
        self,
        *,
        fixes: FixStore,
        repositories: RepositoryStore,
        source: CodeSource,
        publisher: Publisher,
        limits: FetchLimits,
        pulls: HoldPulls,
    ) -> None:
        self._fixes = fixes
        self._repositories = repositories
        self._source = source
        self._publisher = publisher
        self._limits = limits
        self._pulls = pulls

    async def publish(self, fix_id: str) -> None:
        """Open or update the pull request.

        Raises:
            BusyError: a worker changes the pull requests with this repository's fixes.
            StaleFixError: the file is no longer the one that the fix was proved on.
            StaleHeadError: the branch moved meanwhile, or an answer of GitHub was late.
            UnavailableError: GitHub or the database does not answer; try again later.
        """
        fix = await self._fixes.get(fix_id, EVERYTHING)
        if fix is None or fix.status not in PUBLISHABLE:
            return
        repository = await self._repositories.get(fix.repository, EVERYTHING)
        if repository is None or repository.is_unreachable or repository.archived:
            return
        async with self._pulls.hold(repository.id):
            # A scan may have offered it meanwhile, or what it mends is gone.
            if (fix := await self._fixes.get(fix_id, EVERYTHING)) is not None:
                await self._publish_alone(repository, fix)

    async def _publish_alone(self, repository: Repository, fix: Fix) -> None:
        if fix.status not in PUBLISHABLE:
            return
        head = await self._source.resolve(repository.ref, f"refs/heads/{repository.default_branch}")
        content = await self._apply(repository, head, fix)
        title = fix_title(fix)
        pull = FixPullRequest(
            base_branch=repository.default_branch,
            base_sha=head,
            branch=f"kova/fix-{fix.id}",
            title=title,
            body=fix_body(fix, head),
            message=title,
            files={fix.path: content},
            followed=pull_numbers([fix.pull_request_url or ""]),
            withdrawn=pull_numbers(await self._fixes.withdrawn(repository.id)),
        )
        try:
            url = await self._publisher.pull_request(repository.ref, pull)
        except GitHubRefusedError as exc:
            page = exc.data.get("url")  # People go on with it themselves.
            if not isinstance(page, str):
                raise
            url = page
        if url is None:
            raise StaleHeadError  # Between two questions: one of the answers was late.
        await self._fixes.mark_published([fix.error_id], url)

    async def _apply(self, repository: Repository, head: str, fix: Fix) -> bytes:
        """Return the fix's file at the head with the patch applied.

        Raises:
            StaleFixError: it is another file, or none.
        """
        tree = await self._source.tree(repository.ref, head)
        file = next((file for file in tree.files if file.path == fix.path), None)
        if file is None or (fix.blob_sha is not None and file.sha != fix.blob_sha):
            raise StaleFixError
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            folder = Path(name)
            missing = await self._source.download(
                repository.ref, head, [file], folder, self._limits
            )
            source = None if missing else decode((folder / file.path).read_bytes())
        if source is None:
            raise StaleFixError
        try:
            return apply_patch(source.content, fix.patch).encode()
        except PatchError as exc:
            raise StaleFixError from exc
