"""Git's objects with git's own ids: SHA-1 over header and content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

BLOB, EXECUTABLE, TREE, LINK, SUBMODULE = "100644", "100755", "040000", "120000", "160000"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a tree."""

    mode: str
    sha: str

    @property
    def type(self) -> str:
        """The object's type as the API names it."""
        return {TREE: "tree", SUBMODULE: "commit"}.get(self.mode, "blob")


@dataclass(frozen=True, kw_only=True)
class GitPerson:
    """Author or committer."""

    name: str
    email: str
    date: datetime

    def line(self) -> str:
        """Return git's form."""
        return f"{self.name} <{self.email}> {int(self.date.timestamp())} {self.date:%z}"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: GitPerson
    committer: GitPerson
    message: str


def object_sha(kind: str, content: bytes) -> str:
    """Return the id of an object."""
    header = f"{kind} {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def tree_content(entries: dict[str, Entry]) -> bytes:
    """Return a tree's content: entries in git's order, in which a folder counts as `name/`."""

    def order(pair: tuple[str, Entry]) -> bytes:
        name, entry = pair
        return name.encode("utf-8", "surrogateescape") + (b"/" if entry.mode == TREE else b"")

    return b"".join(
        entry.mode.lstrip("0").encode()
        + b" "
        + name.encode("utf-8", "surrogateescape")
        + b"\0"
        + bytes.fromhex(entry.sha)
        for name, entry in sorted(entries.items(), key=order)
    )


def make_commit(
    tree: str, parents: tuple[str, ...], author: GitPerson, committer: GitPerson, message: str
) -> Commit:
    """Return a commit with git's id."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {author.line()}", f"committer {committer.line()}", "", message]
    sha = object_sha("commit", "\n".join(lines).encode("utf-8", "surrogateescape"))
    return Commit(
        sha=sha,
        tree=tree,
        parents=parents,
        author=author,
        committer=committer,
        message=message,
    )


def now() -> datetime:
    """Return the time in whole seconds, as git keeps it."""
    return datetime.now(UTC).replace(microsecond=0)
