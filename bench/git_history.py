"""Read a git history as data: commits, changed files, blobs, and where each line went."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_REGULAR = {"100644", "100755"}


@dataclass(kw_only=True)
class Change:
    """One file between two commits. `old` and `new` are paths; None where there is no file."""

    old: str | None
    new: str | None
    blob: str | None
    renamed: bool
    hunks: list[tuple[int, int, int, int]] = field(default_factory=list)

    def new_line(self, line: int) -> int | None:
        """Return where an untouched line went; None when it was touched."""
        shift = 0
        for start, removed, place, added in self.hunks:
            first = start if removed else start + 1
            if line < first:
                break
            if removed and line < first + removed:
                return None
            shift = (place + added if added else place + 1) - (first + removed)
        return line + shift


class GitHistory:
    """A bare or ordinary git repository; nothing of it is checked out or run."""

    def __init__(self, path: Path) -> None:
        """Start the process that hands out blobs."""
        self._git = ["git", "-c", f"safe.directory={path}", "-C", str(path)]
        self._blobs = subprocess.Popen(
            [*self._git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        stdin, stdout = self._pipes()
        stdin.close()
        self._blobs.wait()
        stdout.close()

    def commits(self, number: int) -> list[str]:
        """Return the latest first-parent commits, the oldest of them first."""
        out = self._run("rev-list", "--first-parent", f"--max-count={number}", "HEAD")
        return out.decode().split()[::-1]

    def files(self, commit: str) -> Iterator[Change]:
        """Yield every regular file of a commit, as if it were new."""
        for record in self._run("ls-tree", "-r", "-z", commit).split(b"\0"):
            if record:
                meta, _, path = record.partition(b"\t")
                mode, _, blob = meta.decode().split()
                if mode in _REGULAR:
                    name = path.decode("utf-8", "replace")
                    yield Change(old=None, new=name, blob=blob, renamed=False)

    def changes(self, before: str, after: str) -> list[Change]:
        """Return what changed between two commits, renames found as GitHub finds them."""
        raw = self._run("diff-tree", "-r", "-z", "-M", "--raw", before, after)
        changes = {
            _key(change): change for change in _changes(raw.decode("utf-8", "replace").split("\0"))
        }
        patch = self._run(
            *("diff-tree", "-r", "-M", "-U0", "-p", "--no-color", "--src-prefix=a/"),
            *("--dst-prefix=b/", before, after),
        )
        current: Change | None = None
        names: dict[bytes, str] = {}
        for line in patch.split(b"\n"):
            if line.startswith((b"--- ", b"+++ ")):
                names[line[:3]] = line[6:].decode("utf-8", "replace")
                key = (names.get(b"---", ""), names.get(b"+++", ""))
                current = changes.get(key) if line.startswith(b"+++ ") else None
            elif current is not None and (match := _HUNK.match(line)):
                counts = (int(group) if group is not None else 1 for group in match.groups())
                start, removed, place, added = counts
                current.hunks.append((start, removed, place, added))
        return list(changes.values())

    def blob(self, sha: str) -> bytes:
        """Return a blob's content."""
        stdin, stdout = self._pipes()
        stdin.write(f"{sha}\n".encode())
        stdin.flush()
        size = int(stdout.readline().split()[2])
        content = stdout.read(size)
        stdout.read(1)
        return content

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._blobs.stdin is not None
        assert self._blobs.stdout is not None
        return self._blobs.stdin, self._blobs.stdout

    def _run(self, *arguments: str) -> bytes:
        return subprocess.run([*self._git, *arguments], check=True, stdout=subprocess.PIPE).stdout


def _key(change: Change) -> tuple[str, str]:
    return (change.old or "", change.new or "")


def _changes(fields: list[str]) -> Iterator[Change]:
    parts = iter(fields)
    for meta in parts:
        if not meta.startswith(":"):
            continue
        _, mode, _, blob, status = meta.split()
        path = next(parts)
        target = next(parts) if status[0] in "RC" else path
        is_deleted = status[0] == "D" or mode not in _REGULAR
        yield Change(
            old=None if status[0] in "AC" else path,
            new=None if is_deleted else target,
            blob=None if is_deleted else blob,
            renamed=status[0] == "R",
        )
