"""Repositories in memory: commits, branches and pull requests, as GitHub would show them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kova.code_index.index_repository import blob_sha
from kova.shared.code_source import Comparison, FetchLimits, PullRequest, Tree, TreeFile
from kova.shared.exceptions import KovaError, RepositoryNotFoundError
from kova.shared.repository import RepositoryInfo, RepositoryRef
from kova.shared.skipped import Skipped


@dataclass(frozen=True, kw_only=True)
class MemoryCommit:
    """One commit: its files by path, and the commit before it."""

    sha: str
    files: Mapping[str, bytes]
    parent: str | None


@dataclass(kw_only=True)
class _MemoryRepository:
    info: RepositoryInfo
    commits: dict[str, MemoryCommit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)


class MemoryCodeSource:
    """Implements shared.code_source.CodeSource.

    Attributes:
        failure: raised by every method of the port while it is set, as in an outage.
        downloaded: the paths that were downloaded, in order.
        complete: whether listings and comparisons are whole.
        listed_files: how many changed files a comparison lists at most.
        skipped: links and submodules of every tree.
    """

    def __init__(self) -> None:
        self.failure: KovaError | None = None
        self.downloaded: list[str] = []
        self.complete = True
        self.listed_files = 3_000
        self.skipped: tuple[Skipped, ...] = ()
        self._repositories: dict[str, _MemoryRepository] = {}

    def create_repository(
        self, full_name: str, *, default_branch: str = "main", private: bool = False
    ) -> RepositoryInfo:
        """Create an empty repository."""
        info = RepositoryInfo(
            full_name=full_name,
            github_id=len(self._repositories) + 1,
            installation_id=None,
            default_branch=default_branch,
            private=private,
            archived=False,
        )
        self._repositories[full_name] = _MemoryRepository(info=info)
        return info

    def change_repository(self, full_name: str, **fields: Any) -> None:
        """Give a repository other values of RepositoryInfo."""
        repository = self._repositories[full_name]
        repository.info = replace(repository.info, **fields)

    def push(self, full_name: str, files: Mapping[str, bytes], *, branch: str = "main") -> str:
        """Commit a whole tree to a branch and return the commit's id.

        A new branch begins at the head of the default branch.
        """
        repository = self._repositories[full_name]
        default = repository.branches.get(repository.info.default_branch)
        parent = repository.branches.get(branch, default)
        blobs = sorted((path, blob_sha(content)) for path, content in files.items())
        name = f"{parent} {branch} {len(repository.commits)} {blobs}"
        sha = hashlib.sha1(name.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        repository.commits[sha] = MemoryCommit(sha=sha, files=dict(files), parent=parent)
        repository.branches[branch] = sha
        return sha

    def forget_commit(self, full_name: str, sha: str) -> None:
        """Delete a commit, as GitHub does with one that was pushed away by force."""
        del self._repositories[full_name].commits[sha]

    def open_pull_request(self, full_name: str, *, head: str, base: str = "main") -> PullRequest:
        """Open a pull request of one branch into another."""
        repository = self._repositories[full_name]
        pull = PullRequest(
            number=len(repository.pulls) + 1,
            base_sha=repository.branches[base],
            head_sha=repository.branches[head],
            title="",
            body="",
        )
        repository.pulls[pull.number] = pull
        return pull

    async def repository(self, repository_ref: RepositoryRef) -> RepositoryInfo:
        """Describe the repository."""
        return self._find(repository_ref).info

    async def resolve(self, repository_ref: RepositoryRef, ref: str) -> str:
        """Return the commit id that a branch, full ref name or commit id points to."""
        repository = self._find(repository_ref)
        sha = repository.branches.get(ref.removeprefix("refs/heads/"), ref)
        return self._commit(repository, sha).sha

    async def tree(self, repository_ref: RepositoryRef, commit_sha: str) -> Tree:
        """List the regular files of a commit."""
        commit = self._commit(self._find(repository_ref), commit_sha)
        files = [
            TreeFile(path=path, sha=blob_sha(content), size=len(content))
            for path, content in sorted(commit.files.items())
        ]
        return Tree(
            commit_sha=commit_sha,
            files=tuple(files),
            skipped=self.skipped,
            complete=self.complete,
        )

    async def root_file(
        self, repository_ref: RepositoryRef, ref: str, name: str, limit: int
    ) -> bytes | None:
        """Return a file at the root, None when there is none; NULs for one that is too large."""
        commit_sha = await self.resolve(repository_ref, ref)
        content = self._commit(self._find(repository_ref), commit_sha).files.get(name)
        return content if content is None or len(content) <= limit else b"\0" * (limit + 1)

    async def compare(
        self,
        repository_ref: RepositoryRef,
        base: str,
        head: str,
        *,
        pull_request: int | None = None,  # noqa: ARG002 (its lists are never cut)
    ) -> Comparison:
        """Return what `head` changed since its merge base with `base`."""
        repository = self._find(repository_ref)
        base_history = {commit.sha for commit in self._history(repository, base)}
        head_commit = self._commit(repository, head)
        merge_base = next(
            (commit for commit in self._history(repository, head) if commit.sha in base_history),
            None,
        )
        if merge_base is None:
            raise RepositoryNotFoundError("The commits have no common history.")
        before, after = merge_base.files, head_commit.files
        changed = {path for path, content in after.items() if before.get(path) != content}
        old_paths = {before[path]: path for path in sorted(before.keys() - after.keys())}
        renamed = {
            path: old_paths[after[path]]
            for path in sorted(changed)
            if path not in before and after[path] in old_paths
        }
        listed = frozenset(sorted(changed)[: self.listed_files])
        return Comparison(
            merge_base_sha=merge_base.sha,
            changed=listed,
            added=listed - before.keys() - renamed.keys(),
            renamed={path: old for path, old in renamed.items() if path in listed},
            complete=self.complete and len(changed) < self.listed_files,
        )

    async def pull_request(self, repository_ref: RepositoryRef, number: int) -> PullRequest:
        """Describe a pull request."""
        pull = self._find(repository_ref).pulls.get(number)
        if pull is None:
            raise RepositoryNotFoundError
        return pull

    async def download(
        self,
        repository_ref: RepositoryRef,
        commit_sha: str,
        files: Sequence[TreeFile],
        folder: Path,
        limits: FetchLimits,
    ) -> tuple[Skipped, ...]:
        """Write files below a folder; return those that could not be written, and why."""
        commit = self._commit(self._find(repository_ref), commit_sha)
        skipped: list[Skipped] = []
        for file in files:
            content = commit.files.get(file.path)
            if content is None or blob_sha(content) != file.sha:
                skipped.append(Skipped(path=file.path, reason="fetch_failed"))
            elif len(content) > limits.file_bytes:
                skipped.append(Skipped(path=file.path, reason="too_large"))
            else:
                target = folder / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                self.downloaded.append(file.path)
        return tuple(skipped)

    def _find(self, repository_ref: RepositoryRef) -> _MemoryRepository:
        if self.failure is not None:
            raise self.failure
        repository = self._repositories.get(repository_ref.full_name)
        if repository is None:
            raise RepositoryNotFoundError
        return repository

    @staticmethod
    def _commit(repository: _MemoryRepository, sha: str) -> MemoryCommit:
        commit = repository.commits.get(sha)
        if commit is None:
            raise RepositoryNotFoundError
        return commit

    def _history(self, repository: _MemoryRepository, sha: str) -> Iterator[MemoryCommit]:
        """Yield a commit and those before it."""
        commit: MemoryCommit | None = self._commit(repository, sha)
        while commit is not None:
            yield commit
            commit = repository.commits.get(commit.parent or "")
