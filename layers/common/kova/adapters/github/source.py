"""The port CodeSource on GitHub."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.commits import COMPARED_FILES
from kova.adapters.github.download import Download
from kova.adapters.github.root_file import root_file
from kova.adapters.github.tree import TreeReader
from kova.shared.code_source import CodeSource, Comparison, FetchLimits, PullRequest, Tree, TreeFile
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    RepositoryNotFoundError,
)
from kova.shared.repository import RepositoryInfo, RepositoryRef, is_ref, is_sha
from kova.shared.skipped import Skipped
from kova.shared.text import clean

# And this many of a pull request, over all pages.
PULL_FILES: Final = 3_000
_GONE_AT_HEAD: Final = frozenset({"removed", "unchanged"})


class GitHubSource(CodeSource):
    """Reads commits through GitHub's REST API."""

    def __init__(
        self, client: GitHubClient, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock`: in seconds; a download's time is measured by it."""
        self._client = client
        self._clock = clock

    async def repository(self, repository: RepositoryRef) -> RepositoryInfo:
        """Describe the repository, by the installation that it has now."""
        installation_id = await self._client.installation(repository)
        repository = RepositoryRef(full_name=repository.full_name, installation_id=installation_id)
        details = await self._client.get(repository, "")
        branch = shapes.text(details, "default_branch")
        if not is_ref(branch):
            raise GitHubUnavailableError("GitHub's answer has no usable default_branch.")
        return RepositoryInfo(
            full_name=shapes.full_name(details),
            github_id=shapes.number(details, "id"),
            installation_id=installation_id,
            default_branch=branch,
            private=shapes.field(details, "private") is not False,
            archived=shapes.field(details, "archived") is True,
        )

    async def resolve(self, repository: RepositoryRef, ref: str) -> str:
        """Return the commit id that a branch, tag or full ref name points to."""
        if not is_ref(ref):
            raise RepositoryNotFoundError
        try:
            # One file of the diff a page: only the id is wanted.
            commit = await self._client.get(
                repository, f"/commits/{_quote_ref(ref.removeprefix('refs/'))}", per_page="1"
            )
        except GitHubRefusedError as exc:
            # 409 for an empty repository, 422 for a name that nothing has.
            if exc.data.get("refusal") in {"conflict", "invalid"}:
                raise RepositoryNotFoundError from exc
            raise
        return shapes.sha(commit, "sha")

    async def tree(self, repository: RepositoryRef, commit_sha: str) -> Tree:
        """List the regular files of a commit."""
        _check_sha(commit_sha)
        return await TreeReader(self._client, repository).read(commit_sha)

    async def root_file(
        self, repository: RepositoryRef, ref: str, name: str, limit: int
    ) -> bytes | None:
        """Return a regular file at the root of a commit or branch, None when there is none."""
        if not is_ref(ref):
            raise RepositoryNotFoundError
        return await root_file(self._client, repository, _quote_ref(ref), name, limit)

    async def compare(
        self,
        repository: RepositoryRef,
        base: str,
        head: str,
        *,
        pull_request: int | None = None,
    ) -> Comparison:
        """Say what `head` changed since its merge base with `base`."""
        if not is_ref(base) or not is_ref(head):
            raise RepositoryNotFoundError
        comparison = await self._client.get(
            repository, f"/compare/{_quote_ref(base)}...{_quote_ref(head)}", per_page="1", page="1"
        )
        listed = shapes.field(comparison, "files")
        # A comparison of a commit with itself may come without the member.
        files = shapes.objects(listed) if listed is not None else []
        limit = COMPARED_FILES
        if len(files) >= limit and pull_request is not None:
            path = f"/pulls/{int(pull_request)}/files"
            files, limit = [file async for file in self._client.pages(repository, path)], PULL_FILES
        return _comparison(
            shapes.sha(comparison, "merge_base_commit", "sha"), files, complete=len(files) < limit
        )

    async def pull_request(self, repository: RepositoryRef, number: int) -> PullRequest:
        """Describe a pull request."""
        pull = await self._client.get(repository, f"/pulls/{int(number)}")
        title, body = pull.get("title"), pull.get("body")
        return PullRequest(
            number=number,
            base_sha=shapes.sha(pull, "base", "sha"),
            head_sha=shapes.sha(pull, "head", "sha"),
            title=clean(title) if isinstance(title, str) else "",
            body=clean(body) if isinstance(body, str) else "",
        )

    async def download(
        self,
        repository: RepositoryRef,
        commit_sha: str,
        files: Sequence[TreeFile],
        folder: Path,
        limits: FetchLimits,
    ) -> tuple[Skipped, ...]:
        """Write the wanted files below a private folder; say what is missing and why."""
        _check_sha(commit_sha)
        download = Download(
            self._client, repository, commit_sha, folder=folder, limits=limits, clock=self._clock
        )
        return await download.run(files)


def _quote_ref(ref: str) -> str:
    return quote(ref, safe="/")


def _check_sha(commit_sha: str) -> None:
    if not is_sha(commit_sha):
        raise RepositoryNotFoundError


def _comparison(merge_base_sha: str, files: Iterable[shapes.Json], *, complete: bool) -> Comparison:
    changed: set[str] = set()
    added: set[str] = set()
    renamed: dict[str, str] = {}
    for file in files:
        name, before = file.get("filename"), file.get("previous_filename")
        status = str(file.get("status"))
        if not isinstance(name, str) or status in _GONE_AT_HEAD:
            continue
        changed.add(name)
        if status == "added":
            added.add(name)
        if status == "renamed" and isinstance(before, str):
            renamed[name] = before
    return Comparison(
        merge_base_sha=merge_base_sha,
        changed=frozenset(changed),
        added=frozenset(added),
        renamed=renamed,
        complete=complete,
    )
