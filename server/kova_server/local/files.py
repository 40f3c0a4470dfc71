"""The files of a local folder, and what in it belongs to tools and not to the project."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kova.domain.finding import Skipped
from kova.ports.source import TreeFile

_NEVER_CODE: Final = frozenset({".git", ".hg", ".svn", "__pycache__", ".kova"})
_INSTALLED: Final = frozenset({".venv", "venv", "node_modules", ".tox", ".nox"})
# https://bford.info/cachedir/
_CACHE_SIGNATURE: Final = b"Signature: 8a477f597d28d172789f06886806bc55"


def list_files(
    folder: Path, handles: Callable[[str], bool]
) -> tuple[list[TreeFile], list[Skipped]]:
    """List regular files below a folder; links are not followed, tools' folders not entered.

    Returns:
        The files, and what was left out.
    """
    files: list[TreeFile] = []
    skipped: list[Skipped] = []

    def unreadable(error: OSError) -> None:
        path = os.path.relpath(error.filename, folder)
        skipped.append(Skipped(path=_text(path), reason="unreadable"))

    for current, folders, names in os.walk(folder, onerror=unreadable):
        own: list[str] = []
        for name in sorted(set(folders) - _NEVER_CODE):
            full = Path(current, name)
            if reason := _of_tools(full):
                path = full.relative_to(folder).as_posix()
                skipped.append(Skipped(path=_text(path), reason=reason))
            else:
                own.append(name)
        folders[:] = own
        for name in sorted(names):
            full = Path(current, name)
            path = full.relative_to(folder).as_posix()
            if not handles(path):
                continue
            reason = _unfit(full, path)
            if reason:
                skipped.append(Skipped(path=_text(path), reason=reason))
            else:
                files.append(TreeFile(path=path, sha="", size=full.stat().st_size))
    return files, skipped


def _of_tools(folder: Path) -> str | None:
    """Say why a folder is a tool's and not the project's."""
    if folder.name in _INSTALLED or (folder / "pyvenv.cfg").is_file():
        return "installed_packages"
    return "cache_folder" if _is_cache(folder / "CACHEDIR.TAG") else None


def _is_cache(tag: Path) -> bool:
    try:
        with tag.open("rb") as file:
            return file.read(len(_CACHE_SIGNATURE)) == _CACHE_SIGNATURE
    except OSError:
        return False


def _unfit(full: Path, path: str) -> str | None:
    if full.is_symlink():
        return "symlink"
    if not full.is_file():
        return "not_a_regular_file"
    if _text(path) != path or any(ord(one) < ord(" ") for one in path):
        return "unsafe_path"
    return None if os.access(full, os.R_OK) else "unreadable"


def _text(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "replace")
