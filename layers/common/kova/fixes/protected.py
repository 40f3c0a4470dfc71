"""Which files fixes are never pushed to, neither by a scan nor when somebody asks for it.

Their fixes are still proved, listed and offered by the command line.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

_LOCK_SUFFIXES: Final = frozenset({".lock", ".lockb", ".lockfile"})
_LOCK_FILES: Final = frozenset(
    {
        "conda-lock.yml",
        "go.sum",
        "go.work.sum",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "package.resolved",
        "packages.lock.json",
        "pnpm-lock.yaml",
    }
)


def is_protected(path: str) -> bool:
    """Tell whether the path of a repository is a lock file or lies in GitHub's own folder.

    GitHub reads workflows, owners and templates of `.github/` at the root alone: a folder of that
    name elsewhere is like any other.
    """
    pure = PurePosixPath(path.lower())
    return (
        pure.parts[:1] == (".github",) or pure.name in _LOCK_FILES or pure.suffix in _LOCK_SUFFIXES
    )
