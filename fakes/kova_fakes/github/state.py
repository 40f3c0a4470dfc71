"""The state of the fake: repositories, checks, pulls, deliveries."""

from __future__ import annotations

import pickle
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kova_fakes.github.apps import RegisteredApp
from kova_fakes.github.errors import ApiError, not_found, validation_failed
from kova_fakes.github.git import Git
from kova_fakes.github.record import RecordedRequest

_REQUESTS = 20_000


def timestamp(seconds: float | None = None) -> str:
    """Return a moment of Unix time, or this one, as GitHub writes it."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(kw_only=True)
class RepositoryState:
    """One repository."""

    id: int
    full_name: str
    default_branch: str
    private: bool
    archived: bool = False
    installed: bool = True
    """The App that is there from the start may see it."""
    git: Git = field(default_factory=Git)
    check_runs: list[dict[str, Any]] = field(default_factory=list)
    annotations: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    pushes: dict[str, tuple[str, str]] = field(default_factory=dict)
    pushed_at: int = 0
    """The second, in Unix time, of the last push to any branch."""

    @property
    def owner(self) -> str:
        """The account's name."""
        return self.full_name.partition("/")[0]

    def move(self, name: str, sha: str) -> str:
        """Let a branch, `heads/...`, end at a commit, and return where it ended before."""
        before = self.git.refs.get(name, "0" * 40)
        self.pushes[name] = (before, sha)
        self.pushed_at = int(time.time())
        self.git.refs[name] = sha
        return before


class State:
    """The whole state, behind one lock; stored in a file if one is given."""

    def __init__(self, file: Path | None = None, tree_limit: int = 100_000) -> None:
        """Read the file if it is there."""
        self.lock = threading.RLock()
        self.requests: deque[RecordedRequest] = deque(maxlen=_REQUESTS)
        self.deliveries: list[dict[str, Any]] = []
        self.apps: list[RegisteredApp] = []
        self.tree_limit = tree_limit
        self._file = file
        self._repositories: dict[str, RepositoryState] = {}
        self._moved: dict[str, int] = {}
        self._next = 1
        if file is not None and file.exists():
            saved = pickle.loads(file.read_bytes())  # noqa: S301 (our own file, in our own folder)
            self._repositories, self._next, self.deliveries, *apps = saved
            self.apps = apps[0] if apps else []

    def save(self, full_name: str | None = None) -> None:  # noqa: ARG002 (the file holds all)
        """Write the state to its file atomically; `full_name` is the repository that changed."""
        if self._file is None:
            return
        with self.lock:
            content = pickle.dumps((self._repositories, self._next, self.deliveries, self.apps))
            temporary = self._file.with_suffix(".new")
            temporary.write_bytes(content)
            temporary.replace(self._file)

    def add_delivery(self, delivery: dict[str, Any]) -> None:
        """List an attempt at a delivery, which nobody has answered yet."""
        with self.lock:
            self.deliveries.append(delivery)

    def end_delivery(self, delivery: dict[str, Any], status_code: int, seconds: float) -> None:
        """Note what an attempt was answered, and after how many seconds."""
        delivery["status_code"] = status_code
        delivery["status"] = "OK" if status_code < 300 else "Invalid HTTP Response"  # noqa: PLR2004
        delivery["duration"] = round(seconds, 3)

    def number(self) -> int:
        """Return a new number for an id."""
        with self.lock:
            self._next += 1
            return self._next

    def repository(self, full_name: str) -> RepositoryState:
        """Return a repository.

        Raises:
            ApiError: 404: it does not exist.
        """
        repository = self._repositories.get(full_name.lower())
        if repository is None:
            raise not_found()
        return repository

    def transfer(self, full_name: str, new_name: str) -> None:
        """Give a repository another name or owner; requests by the old name are redirected."""
        with self.lock:
            repository = self.repository(full_name)
            del self._repositories[full_name.lower()]
            self._moved[full_name.lower()] = repository.id
            repository.full_name = new_name
            self._repositories[new_name.lower()] = repository

    def delete(self, full_name: str) -> RepositoryState:
        """Delete a repository and return what it was."""
        with self.lock:
            return self._repositories.pop(full_name.lower())

    def merge(self, full_name: str, number: int) -> str:
        """Merge a pull request as a person would, and return the new head of its base."""
        with self.lock:
            repository = self.repository(full_name)
            pull, git = repository.pulls[number - 1], repository.git
            base, head = (f"heads/{pull[side]}" for side in ("base_ref", "head_ref"))
            before = git.refs[base]
            tree = git.commits[git.refs[head]].tree
            commit = git.commit(tree, [before, git.refs[head]], f"Merge #{number}")
            git.refs[base] = commit.sha
            repository.pushes[base] = (before, commit.sha)
            pull.update(state="closed", merged_at=timestamp())
            # It stays at the commits where it is now, also where its branch is made anew.
            pull.update(head_sha=git.refs[head], base_sha=before)
        self.save()
        return commit.sha

    def moved(self, full_name: str) -> int | None:
        """Return the id of the repository that had a name before, where no other has it now."""
        name = full_name.lower()
        return None if name in self._repositories else self._moved.get(name)

    def name_of(self, number: int) -> str | None:
        """Return the name of the repository with an id."""
        matching = (row.full_name for row in self.repositories() if row.id == number)
        return next(matching, None)

    def repositories(self) -> list[RepositoryState]:
        """Return all repositories."""
        return list(self._repositories.values())

    def create_repository(
        self,
        full_name: str,
        *,
        files: Mapping[str, bytes],
        default_branch: str = "main",
        private: bool = False,
    ) -> str:
        """Create a repository with one commit and return the commit's id."""
        with self.lock:
            repository = RepositoryState(
                id=self.number() + 1_000_000,
                full_name=full_name,
                default_branch=default_branch,
                private=private,
            )
            self._repositories[full_name.lower()] = repository
            return self.push(full_name, files, branch=default_branch, message="Initial commit")

    def push(
        self,
        full_name: str,
        files: Mapping[str, bytes],
        *,
        deletes: Iterable[str] = (),
        branch: str | None = None,
        message: str = "Change",
    ) -> str:
        """Commit files to a branch, made from the default one if it is new; return the id."""
        with self.lock:
            repository = self.repository(full_name)
            git = repository.git
            name = f"heads/{branch or repository.default_branch}"
            parent = git.refs.get(name) or git.refs.get(f"heads/{repository.default_branch}")
            tree = git.write(parent, files, deletes)
            commit = git.commit(tree, [parent] if parent else [], message)
            repository.move(name, commit.sha)
        self.save(full_name)
        return commit.sha

    def head(self, full_name: str, branch: str) -> str:
        """Return the commit that a branch points to."""
        return self.repository(full_name).git.refs[f"heads/{branch}"]

    def file(self, full_name: str, branch: str, path: str) -> bytes:
        """Return a file's content at the head of a branch."""
        git = self.repository(full_name).git
        files = dict(git.files(git.commits[self.head(full_name, branch)].tree))
        return git.blobs[files[path].sha]

    def check_runs(self, full_name: str) -> list[dict[str, Any]]:
        """Return the check runs."""
        return list(self.repository(full_name).check_runs)

    def annotations(self, check_run_id: int) -> list[dict[str, Any]]:
        """Return a check run's annotations."""
        for repository in self.repositories():
            if check_run_id in repository.annotations:
                return list(repository.annotations[check_run_id])
        return []

    def statuses(self, full_name: str) -> list[dict[str, Any]]:
        """Return the commit statuses."""
        return list(self.repository(full_name).statuses)

    def pulls(self, full_name: str) -> list[dict[str, Any]]:
        """Return the pull requests."""
        return list(self.repository(full_name).pulls)

    def open_pull(
        self, full_name: str, *, head: str, base: str, title: str, body: str | None = None
    ) -> int:
        """Open a pull request as a person would and return its number."""
        with self.lock:
            repository = self.repository(full_name)
            check_pull(repository, head, base)
            number = len(repository.pulls) + 1
            repository.pulls.append(
                {
                    "id": self.number(),
                    "number": number,
                    "state": "open",
                    "title": title,
                    "body": body,
                    "head_ref": head,
                    "base_ref": base,
                    "created_at": timestamp(),
                    "updated_at": timestamp(),
                    "merged_at": None,
                    "draft": False,
                }
            )
        self.save(full_name)
        return number


def check_pull(repository: RepositoryState, head: str, base: str) -> None:
    """Check that a pull request can be opened.

    Raises:
        ApiError: 422: GitHub would refuse it.
    """
    git = repository.git
    if f"heads/{base}" not in git.refs:
        raise validation_failed("PullRequest", "invalid", "base")
    if f"heads/{head}" not in git.refs:
        raise validation_failed("PullRequest", "invalid", "head")
    if any(
        pull["head_ref"] == head and pull["base_ref"] == base and pull["state"] == "open"
        for pull in repository.pulls
    ):
        text = f"A pull request already exists for {repository.owner}:{head}."
        raise validation_failed("PullRequest", "custom", message=text)
    target = git.refs[f"heads/{base}"]
    if git.refs[f"heads/{head}"] in git.ancestors(target):
        raise validation_failed(
            "PullRequest", "custom", message=f"No commits between {base} and {head}"
        )


__all__ = ["ApiError", "RepositoryState", "State", "check_pull", "timestamp"]
