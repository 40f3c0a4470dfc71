"""What a folder's ignore files leave out of a local scan, by git's rules and within bounds.

The files are the scanned folder's own, so nothing in them may cost much: they are matched by RE2,
whose time grows with the length of a path and with nothing else (docs/adr/0018).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import re2
from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from kova.shared.exceptions import InvalidInputError
from kova.shared.skipped import Skipped

IGNORE_FILE: Final = ".gitignore"
MOST_BYTES: Final = 256 * 1024
MOST_PATTERNS: Final = 2_000
MOST_LEVELS: Final = 50
_PATTERN_LIMIT: Final = 500  # Characters.
# To git `a/**/` is every folder below `a`; pathspec takes files along unless it is spelt out.
_ANY_FOLDERS: Final = re.compile(r"(?:^!?|/)\*\*/(?=\s*$)")
_BACKEND: Final = "re2"
_POINTER_BYTES: Final = 4_096  # Of a `.git` file, which names a folder.


@dataclass(frozen=True, kw_only=True)
class Level:
    """The patterns of one ignore file; `base` is its folder, empty or ending in a slash."""

    base: str
    spec: GitIgnoreSpec

    def decide(self, path: str) -> bool | None:
        """Return whether the file leaves a path out; None when it says nothing of it."""
        return self.spec.check_file(path.removeprefix(self.base)).include


@dataclass(frozen=True, kw_only=True)
class IgnoreRules:
    """The ignore files in force in a folder, from the repository's own to the nearest."""

    levels: tuple[Level, ...] = ()

    def ignores(self, path: str) -> bool:
        """Tell whether a path is left out; a folder's path ends in a slash."""
        for level in reversed(self.levels):
            decision = level.decide(path)
            if decision is not None:
                return decision
        return False

    def within(self, folder: Path, base: str) -> tuple[IgnoreRules, str | None]:
        """Return the rules in a folder, and why its ignore file could not be used in full."""
        return self.reading(folder / IGNORE_FILE, base)

    def reading(self, file: Path, base: str) -> tuple[IgnoreRules, str | None]:
        """Return the rules with those of one file added, and why that was not possible in full."""
        content, problem = _content(file)
        if content is None:
            return self, problem
        lines = _lines(content)
        known = sum(len(level.spec) for level in self.levels)
        if known + len(lines) > MOST_PATTERNS:
            return self, "ignore_patterns_too_many"
        if lines and len(self.levels) >= MOST_LEVELS:
            return self, "ignore_files_nested_too_deep"
        spec, refused = _spec(lines)
        problem = "ignore_patterns_refused" if refused else None
        if not len(spec):
            return self, problem
        return IgnoreRules(levels=(*self.levels, Level(base=base, spec=spec))), problem


def compile_globs(globs: Sequence[str], base: str) -> IgnoreRules:
    """Return rules for what a person wants left out below a folder.

    Raises:
        InvalidInputError: a glob is none.
    """
    for glob in globs:
        spec, refused = _spec([glob])
        if refused or not len(spec):
            raise InvalidInputError(f"--exclude {glob!r} is no pattern.")
    spec, refused = _spec(globs)
    if refused:
        raise InvalidInputError("These --exclude patterns are too much together.")
    return IgnoreRules(levels=(Level(base=base, spec=spec),) if globs else ())


def rules_around(folder: Path) -> tuple[IgnoreRules, str, list[Skipped]]:
    """Read the ignore files that hold in a folder for what stands above it.

    These are `.git/info/exclude` and the ignore files between the repository's root and the
    folder. Where they ignore the folder itself, none of them is used: whoever names a folder
    wants it scanned.

    Returns:
        The rules, the folder's path in its repository (empty, or ending in a slash), and what
        could not be used.
    """
    folder = folder.resolve()
    root = next((place for place in (folder, *folder.parents) if _exists(place / ".git")), folder)
    names = folder.relative_to(root).parts
    rules, skipped = IgnoreRules(), list[Skipped]()
    place, base = root, ""
    if git := _git_folder(root):
        rules, problem = rules.reading(git / "info" / "exclude", "")
        skipped += _problem(git / "info" / "exclude", folder, problem)
    for name in names:
        rules, problem = rules.within(place, base)
        skipped += _problem(place / IGNORE_FILE, folder, problem)
        place, base = place / name, f"{base}{readable(name)}/"
        if rules.ignores(base):
            return IgnoreRules(), "".join(f"{readable(part)}/" for part in names), []
    return rules, base, skipped


def readable(path: str) -> str:
    """Return a path as text; bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def _exists(file: Path) -> bool:
    return os.path.exists(file)  # noqa: PTH110 (pathlib raises where a folder may not be searched)


def _problem(file: Path, folder: Path, reason: str | None) -> list[Skipped]:
    path = readable(os.path.relpath(file, folder))
    return [Skipped(path=path, reason=reason)] if reason else []


def _git_folder(root: Path) -> Path | None:
    """Return where a repository keeps `info`; a worktree's `.git` is a file that names it."""
    git = root / ".git"
    if os.path.isdir(git):  # noqa: PTH112 (pathlib raises where the folder may not be searched)
        return git
    content, _ = _content(git, most=_POINTER_BYTES)
    if content is None or not content.startswith(b"gitdir:"):
        return None
    git = root / os.fsdecode(content.removeprefix(b"gitdir:").strip().replace(b"\0", b""))
    common, _ = _content(git / "commondir", most=_POINTER_BYTES)
    return git if common is None else git / os.fsdecode(common.strip().replace(b"\0", b""))


def _content(file: Path, *, most: int = MOST_BYTES) -> tuple[bytes | None, str | None]:
    """Return a regular file's content, or why there is none; git follows no link here either."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except OSError:
        return None, "ignore_file_unreadable"
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None, "ignore_file_unreadable"
        try:
            content = opened.read(most + 1)
        except OSError:
            return None, "ignore_file_unreadable"
    return (None, "ignore_file_too_large") if len(content) > most else (content, None)


def _lines(content: bytes) -> list[str]:
    """Return the patterns; a lone surrogate stands for each byte that is not UTF-8."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _spec(lines: Iterable[str]) -> tuple[GitIgnoreSpec, bool]:
    """Return what can be compiled, and whether anything cannot."""
    compiled = [(line, _pattern(line)) for line in lines]
    patterns = [pattern for _, pattern in compiled if pattern is not None]
    refused = len(patterns) < len(compiled)
    try:
        return GitIgnoreSpec(patterns, backend=_BACKEND), refused
    except re2.error:  # All of them together are too much, or one is not for RE2.
        return GitIgnoreSpec([], backend=_BACKEND), True


def _pattern(line: str) -> GitIgnoreSpecPattern | None:
    if len(line) > _PATTERN_LIMIT or readable(line) != line or "\0" in line:
        return None
    try:
        pattern = GitIgnoreSpecPattern(_ANY_FOLDERS.sub(r"\g<0>*/", line))
        GitIgnoreSpec([pattern], backend=_BACKEND)
    except (ValueError, re.error, re2.error):
        return None
    return pattern
