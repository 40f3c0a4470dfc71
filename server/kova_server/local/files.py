"""Lists the files of a local folder, without those of tools and ignored ones."""

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
_PACKAGE_FOLDERS: Final = frozenset({".venv", "venv", "node_modules", ".tox", ".nox"})
# https://bford.info/cachedir/
_CACHE_SIGNATURE: Final = b"Signature: 8a477f597d28d172789f06886806bc55"
_MOST_NAMED: Final = 10  # More ignored files of one folder are listed as `folder/*`.


@dataclass(kw_only=True)
class Listing:
    """The files of a folder.

    Attributes:
        files: the files that can be scanned.
        skipped: files and folders that cannot be, with the reason.
        left_out: files and folders that ignore files or the caller exclude; many files of one
            folder are listed as `folder/*`.
        ignored_folders: how many folders are left out as a whole.
        ignored_files: how many other files are left out.
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
    """List the regular files below a folder, without following links or entering tools' folders.

    Args:
        folder: the folder to list.
        handles: returns whether an analyser reads a path.
        exclude: patterns of paths to leave out, written as in a `.gitignore` of the folder.
        ignore_files: leave out what `.gitignore` and `.git/info/exclude` ignore, tracked or not.

    Raises:
        OSError: the folder itself cannot be read.
        InvalidInputError: a pattern of `exclude` is not valid.
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
        self._exclude_rules = compile_globs(exclude, self._base)

    def walk(self) -> Listing:
        """Return the listing. There is no recursion: a tree may be deeper than Python's stack."""
        pending = [("", self._rules)]
        while pending:
            path, rules = pending.pop()
            try:
                with os.scandir(self._folder / path) as directory:
                    names = sorted((child.name, _is_folder(child)) for child in directory)
            except OSError:
                if not path:
                    raise
                self._skip(path, "unreadable")
                continue
            prefix = f"{path}/" if path else ""
            if self._ignore_files and (IGNORE_FILE, False) in names:
                rules, problem = rules.with_folder(
                    self._folder / path, f"{self._base}{readable(prefix)}"
                )
                if problem:
                    self._skip(f"{prefix}{IGNORE_FILE}", problem)
            folders = [name for name, is_folder in names if is_folder]
            pending += [
                (f"{prefix}{name}", rules)
                for name in reversed(folders)
                if self._should_enter(f"{prefix}{name}", rules)
            ]
            self._add_files(prefix, [name for name, is_folder in names if not is_folder], rules)
        return self._listing

    def _skip(self, path: str, reason: str) -> None:
        self._listing.skipped.append(Skipped(path=readable(path), reason=reason))

    def _should_enter(self, path: str, rules: IgnoreRules) -> bool:
        full = self._folder / path
        if full.name in _NEVER_CODE:
            return False
        if reason := _tool_reason(full):
            self._skip(path, reason)
            return False
        if reason := self._ignore_reason(f"{path}/", rules):
            self._listing.left_out.append(Skipped(path=readable(path), reason=reason))
            self._listing.ignored_folders += 1
            return False
        return True

    def _add_files(self, prefix: str, names: list[str], rules: IgnoreRules) -> None:
        left_out: list[Skipped] = []
        for name in names:
            path = f"{prefix}{name}"
            if not self._handles(path):
                continue
            if reason := self._ignore_reason(path, rules):
                left_out.append(Skipped(path=readable(path), reason=reason))
                continue
            size, reason = _size_and_reason(self._folder / path, path)
            if reason:
                self._skip(path, reason)
            else:
                self._listing.files.append(TreeFile(path=path, sha="", size=size))
        self._listing.ignored_files += len(left_out)
        if len(left_out) > _MOST_NAMED:
            reasons = sorted({skipped.reason for skipped in left_out})
            left_out = [Skipped(path=readable(f"{prefix}*"), reason=reason) for reason in reasons]
        self._listing.left_out += left_out

    def _ignore_reason(self, path: str, rules: IgnoreRules) -> str | None:
        full = f"{self._base}{readable(path)}"
        if self._exclude_rules.ignores(full):
            return "excluded"
        return "ignored" if rules.ignores(full) else None


def _is_folder(child: os.DirEntry[str]) -> bool:
    try:
        return child.is_dir(follow_symlinks=False)
    except OSError:
        return False  # It is listed as an unreadable file.


def _tool_reason(folder: Path) -> str | None:
    """Return the reason why a folder belongs to a tool; None if it belongs to the project."""
    # os.path: pathlib raises an error if the folder may not be searched.
    if folder.name in _PACKAGE_FOLDERS or os.path.isfile(folder / "pyvenv.cfg"):  # noqa: PTH113
        return "installed_packages"
    return "cache_folder" if _is_cache(folder / "CACHEDIR.TAG") else None


def _is_cache(tag: Path) -> bool:
    try:
        if not tag.is_file():  # Opening a pipe would block.
            return False
        with tag.open("rb") as file:
            return file.read(len(_CACHE_SIGNATURE)) == _CACHE_SIGNATURE
    except OSError:
        return False


def _size_and_reason(full: Path, path: str) -> tuple[int, str | None]:
    """Return a file's size in bytes, and the reason if it cannot be scanned."""
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
