"""The code as it was just before the newest migration was added, from the history of this checkout.

While a deployment runs, that code serves on the new tables: migrations come first.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parents[2]


class HistoryMissingError(Exception):
    """The history does not reach back to the previous release; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """An older state of the code, unpacked."""

    commit: str
    newest_migration: str  # The file that it does not know.
    folder: Path

    def variables(self) -> dict[str, str]:
        """Return what makes an interpreter import this code and not the checkout's."""
        roots = [self._folder_that_has(name) for name in ("kova", "kova_server", "functions")]
        # Without the working folder, which holds today's `functions`.
        return {"PYTHONPATH": os.pathsep.join(map(str, roots)), "PYTHONSAFEPATH": "1"}

    def migrations(self) -> set[str]:
        """Return the names of the migrations that it has."""
        return {path.name for path in self.folder.rglob("migrations/*.sql")}

    def _folder_that_has(self, package: str) -> Path:
        (init,) = self.folder.rglob(f"{package}/__init__.py")
        return init.parents[1]


def newest_migration() -> str:
    """Return the file name of today's newest migration."""
    folder = files("kova.adapters.postgres") / "migrations"
    return max(file.name for file in folder.iterdir() if file.name.endswith(".sql"))


def find_previous_release(migration: str, root: Path = ROOT) -> str:
    """Return the commit before the one that brought a migration to this line of history.

    A migration that is not committed yet was added after HEAD.

    Raises:
        HistoryMissingError: there is no history here, or it does not reach back so far.
    """
    if not (root / ".git").exists():
        raise HistoryMissingError("this is not a git checkout: no history to take it from")
    if _git(root, "rev-parse", "--is-shallow-repository") == "true":
        raise HistoryMissingError("this is a shallow clone: its history was cut off")
    # Anywhere in the tree, for folders are renamed; a merge counts as the commit that added what
    # its branch added, and the oldest commit that added the name is the one that was deployed.
    added = _git(
        root,
        "log", "--first-parent", "-m", "--no-renames", "--diff-filter=A", "--format=%H",
        "--", f":(glob)**/migrations/{migration}",
    ).split()  # fmt: skip
    if not added:
        return _git(root, "rev-parse", "HEAD")
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", f"{added[-1]}^1")
    except subprocess.CalledProcessError:
        raise HistoryMissingError(f"{migration} is as old as the history") from None


def unpack_previous_release(folder: Path) -> Release:
    """Unpack the previous release's code into a folder.

    Raises:
        HistoryMissingError: the history does not hold it.
    """
    migration = newest_migration()
    commit = find_previous_release(migration)
    command = ["git", "archive", "--format=tar", commit, "layers/common", "server", "functions"]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    # Not tarfile: its filters are not in every Python 3.11.
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return Release(commit=commit, newest_migration=migration, folder=folder)


def _git(root: Path, *arguments: str) -> str:
    process = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    return process.stdout.strip()
