"""The files of a local folder, and what in it belongs to tools and not to the project."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kova.shared.code_source import TreeFile
from kova.shared.skipped import Skipped
from kova_server.local.ignore import (
    IGNORE_FILE,
    IgnoreRules,
    compile_globs,
    readable,
    rules_around,
)

_NEVER_CODE: Final = frozenset({".git", ".hg", ".svn", "__pycache__", ".kova"})
_INSTALLED: Final = frozenset({".venv", "venv", "node_modules", ".tox", ".nox"})
# https://bford.info/cachedir/
_CACHE_SIGNATURE: Final = b"Signature: 8a477f597d28d172789f06886806bc55"
_MOST_NAMED: Final = 10  # Ignored files of one folder that are named one by one.


@dataclass(kw_only=True)
class Listing:
    """What a walk met.

    Attributes:
        files: what may be scanned.
        skipped: what cannot be, and why.
        left_out: what the ignore files and the caller leave out, many of one folder as `folder/*`.
        ignored_folders: how many whole folders are left out.
        ignored_files: how many files are left out beside those.
    """

    files: list[TreeFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    left_out: list[Skipped] = field(default_factory=list)
    ignored_folders: int = 0
    ignored_files: int = 0


def list_files(
    folder: Path,
    handles: Callable[[str], bool],
    *,
    exclude: tuple[str, ...] = (),
    ignore_files: bool = True,
) -> Listing:
    """List regular files below a folder; links are not followed, tools' folders not entered.

    Args:
        folder: where to look.
        handles: tells whether some analyser reads a path.
        exclude: patterns, written as in a `.gitignore` of the folder, of what to leave out.
        ignore_files: leave out what `.gitignore` and `.git/info/exclude` say, tracked or not.

    Raises:
        OSError: the folder itself cannot be read.
        InvalidInputError: a pattern of `exclude` is none.
    """
    return _Walk(folder, handles, exclude, ignore_files=ignore_files).walk()


class _Walk:
    def __init__(
        self,
        folder: Path,
        handles: Callable[[str], bool],
        exclude: tuple[str, ...],
        *,
        ignore_files: bool,
    ) -> None:
        self._folder = folder
        self._handles = handles
        self._ignore_files = ignore_files
        self._listing = Listing()
        self._rules, self._base = IgnoreRules(), ""
        if ignore_files:
            self._rules, self._base, self._listing.skipped = rules_around(folder)
        self._excluded = compile_globs(exclude, self._base)

    def walk(self) -> Listing:
        """Walk without recursion: a tree may be deeper than Python's stack."""
        pending = [("", self._rules)]
        while pending:
            path, rules = pending.pop()
            try:
                with os.scandir(self._folder / path) as entries:
                    names = sorted((entry.name, _is_folder(entry)) for entry in entries)
            except OSError:
                if not path:
                    raise
                self._skip(path, "unreadable")
                continue
            inside = f"{path}/" if path else ""
            if self._ignore_files and (IGNORE_FILE, False) in names:
                rules, problem = rules.within(
                    self._folder / path, f"{self._base}{readable(inside)}"
                )
                if problem:
                    self._skip(f"{inside}{IGNORE_FILE}", problem)
            folders = [name for name, is_folder in names if is_folder]
            pending += [
                (f"{inside}{name}", rules)
                for name in reversed(folders)
                if self._enters(f"{inside}{name}", rules)
            ]
            self._files(inside, [name for name, is_folder in names if not is_folder], rules)
        return self._listing

    def _skip(self, path: str, reason: str) -> None:
        self._listing.skipped.append(Skipped(path=readable(path), reason=reason))

    def _enters(self, path: str, rules: IgnoreRules) -> bool:
        full = self._folder / path
        if full.name in _NEVER_CODE:
            return False
        if reason := _of_tools(full):
            self._skip(path, reason)
            return False
        if reason := self._ignored(f"{path}/", rules):
            self._listing.left_out.append(Skipped(path=readable(path), reason=reason))
            self._listing.ignored_folders += 1
            return False
        return True

    def _files(self, inside: str, names: list[str], rules: IgnoreRules) -> None:
        left_out: list[Skipped] = []
        for name in names:
            path = f"{inside}{name}"
            if not self._handles(path):
                continue
            if reason := self._ignored(path, rules):
                left_out.append(Skipped(path=readable(path), reason=reason))
                continue
            size, reason = _fitness(self._folder / path, path)
            if reason:
                self._skip(path, reason)
            else:
                self._listing.files.append(TreeFile(path=path, sha="", size=size))
        self._listing.ignored_files += len(left_out)
        if len(left_out) > _MOST_NAMED:
            reasons = sorted({entry.reason for entry in left_out})
            left_out = [Skipped(path=readable(f"{inside}*"), reason=reason) for reason in reasons]
        self._listing.left_out += left_out

    def _ignored(self, path: str, rules: IgnoreRules) -> str | None:
        full = f"{self._base}{readable(path)}"
        if self._excluded.ignores(full):
            return "excluded"
        return "ignored" if rules.ignores(full) else None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False  # It is met again as a file that cannot be read.


def _of_tools(folder: Path) -> str | None:
    """Say why a folder is a tool's and not the project's."""
    # os.path: pathlib raises where the folder may not be searched.
    if folder.name in _INSTALLED or os.path.isfile(folder / "pyvenv.cfg"):  # noqa: PTH113
        return "installed_packages"
    return "cache_folder" if _is_cache(folder / "CACHEDIR.TAG") else None


def _is_cache(tag: Path) -> bool:
    try:
        if not tag.is_file():  # A pipe of this name would be waited for.
            return False
        with tag.open("rb") as file:
            return file.read(len(_CACHE_SIGNATURE)) == _CACHE_SIGNATURE
    except OSError:
        return False


def _fitness(full: Path, path: str) -> tuple[int, str | None]:
    """Return a file's size in bytes, and why it cannot be scanned."""
    try:
        status = full.lstat()
    except OSError:
        return 0, "unreadable"
    if stat.S_ISLNK(status.st_mode):
        return 0, "symlink"
    if not stat.S_ISREG(status.st_mode):
        return 0, "not_a_regular_file"
    if readable(path) != path or any(ord(character) < ord(" ") for character in path):
        return 0, "unsafe_path"
    return status.st_size, None if os.access(full, os.R_OK) else "unreadable"
