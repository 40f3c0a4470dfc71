"""Applies ignore files to a local scan, by git's rules and within limits.

The scanned folder may be hostile, so its patterns must not cost much time: they are matched by RE2,
whose time grows only with the length of a path (docs/adr/0018).
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
from pathspec import PathSpec
from pathspec.pattern import RegexPattern
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from kova.shared.exceptions import InvalidInputError
from kova.shared.skipped import Skipped
from kova_server.local.ignore_brackets import BracketError, bracket_regex, read_bracket

IGNORE_FILE: Final = ".gitignore"
MOST_BYTES: Final = 256 * 1024
MOST_PATTERNS: Final = 2_000
MOST_LEVELS: Final = 50
_PATTERN_LIMIT: Final = 500  # Characters.
# For git `a/**/` matches only folders below `a`; pathspec needs a trailing `*/` for that.
_ANY_FOLDERS: Final = re.compile(r"(?:^!?|/)\*\*/(?=\s*$)")
# How pathspec's expressions end where they match a folder with all that is in it, and how they end
# to match only the folder or file itself: a scan asks about a folder before it looks into it, and
# for git `!b` says nothing about what is in `b`.
_FOLDER_MARK: Final = "(?P<ps_d>/)"
_ENDS: Final = ((f"(?:{_FOLDER_MARK}|$)", "/?$"), (_FOLDER_MARK, "/$"), ("/", "/."))
_BACKEND: Final = "re2"
_STAND_IN: Final = 0xF0000  # The first of many characters that stand for no byte.
_POINTER_BYTES: Final = 4_096  # Of a `.git` file, which names a folder.


@dataclass(frozen=True, kw_only=True)
class IgnoreLevel:
    """The patterns of one ignore file; `base` is its folder, empty or ending in a slash."""

    base: str
    spec: PathSpec[RegexPattern]

    def decide(self, path: str) -> bool | None:
        """Return whether the file ignores a path; None if no pattern matches."""
        return self.spec.check_file(_as_bytes(path.removeprefix(self.base))).include


@dataclass(frozen=True, kw_only=True)
class IgnoreRules:
    """The ignore files that apply in a folder, from the repository's root to the folder."""

    levels: tuple[IgnoreLevel, ...] = ()

    def ignores(self, path: str) -> bool:
        """True if a path is ignored. A folder's path ends in a slash."""
        for level in reversed(self.levels):
            decision = level.decide(path)
            if decision is not None:
                return decision
        return False

    def with_folder(self, folder: Path, base: str) -> tuple[IgnoreRules, str | None]:
        """Return the rules with the folder's ignore file added, and the problem with it if any."""
        return self.with_file(folder / IGNORE_FILE, base)

    def with_file(self, file: Path, base: str) -> tuple[IgnoreRules, str | None]:
        """Return the rules with one ignore file added, and the problem with it if any."""
        content, problem = _read_content(file)
        if content is None:
            return self, problem
        lines = _split_patterns(content)
        pattern_count = sum(len(level.spec) for level in self.levels)
        if pattern_count + len(lines) > MOST_PATTERNS:
            return self, "ignore_patterns_too_many"
        if lines and len(self.levels) >= MOST_LEVELS:
            return self, "ignore_files_nested_too_deep"
        spec, has_invalid = _compile(lines)
        problem = "ignore_patterns_refused" if has_invalid else None
        if not len(spec):
            return self, problem
        return IgnoreRules(levels=(*self.levels, IgnoreLevel(base=base, spec=spec))), problem


def compile_globs(globs: Sequence[str], base: str) -> IgnoreRules:
    """Return the rules of `--exclude`.

    Raises:
        InvalidInputError: a glob is not valid.
    """
    for glob in globs:
        spec, has_invalid = _compile([glob])
        if has_invalid or not any(pattern.regex for pattern in spec.patterns):
            raise InvalidInputError(f"--exclude {glob!r} is not a pattern.")
    spec, has_invalid = _compile(globs)
    if has_invalid:
        raise InvalidInputError("The --exclude patterns are too large together.")
    return IgnoreRules(levels=(IgnoreLevel(base=base, spec=spec),) if globs else ())


def rules_around(folder: Path) -> tuple[IgnoreRules, str, list[Skipped]]:
    """Read the ignore files that apply to a folder from above it.

    These are `.git/info/exclude` and the ignore files between the repository's root and the
    folder. If they ignore the folder itself, none of them is used: the caller asked for exactly
    this folder.

    Returns:
        The rules, the folder's path in its repository (empty, or ending in a slash), and the
        ignore files that could not be used.
    """
    folder = folder.resolve()
    root = next(
        (ancestor for ancestor in (folder, *folder.parents) if _exists(ancestor / ".git")), folder
    )
    names = folder.relative_to(root).parts
    rules, skipped = IgnoreRules(), list[Skipped]()
    parent, base = root, ""
    if git := _git_folder(root):
        rules, problem = rules.with_file(git / "info" / "exclude", "")
        skipped += _skipped_file(git / "info" / "exclude", folder, problem)
    for name in names:
        rules, problem = rules.with_folder(parent, base)
        skipped += _skipped_file(parent / IGNORE_FILE, folder, problem)
        parent, base = parent / name, f"{base}{readable(name)}/"
        if rules.ignores(base):
            return IgnoreRules(), "".join(f"{readable(part)}/" for part in names), []
    return rules, base, skipped


def readable(path: str) -> str:
    """Return a path as text; bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def _exists(file: Path) -> bool:
    return os.path.exists(file)  # noqa: PTH110 (pathlib raises if the folder may not be searched)


def _skipped_file(file: Path, folder: Path, reason: str | None) -> list[Skipped]:
    path = readable(os.path.relpath(file, folder))
    return [Skipped(path=path, reason=reason)] if reason else []


def _git_folder(root: Path) -> Path | None:
    """Return the git folder that holds `info`; a worktree's `.git` is a file that names it."""
    git = root / ".git"
    if os.path.isdir(git):  # noqa: PTH112 (pathlib raises if the folder may not be searched)
        return git
    content, _ = _read_content(git, limit=_POINTER_BYTES)
    if content is None or not content.startswith(b"gitdir:"):
        return None
    git = root / os.fsdecode(content.removeprefix(b"gitdir:").strip().replace(b"\0", b""))
    common, _ = _read_content(git / "commondir", limit=_POINTER_BYTES)
    return git if common is None else git / os.fsdecode(common.strip().replace(b"\0", b""))


def _read_content(file: Path, *, limit: int = MOST_BYTES) -> tuple[bytes | None, str | None]:
    """Return a regular file's content, or the problem. Links are not followed, as git does."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except OSError:
        return None, "ignore_file_unreadable"
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None, "ignore_file_unreadable"
        try:
            content = stream.read(limit + 1)
        except OSError:
            return None, "ignore_file_unreadable"
    return (None, "ignore_file_too_large") if len(content) > limit else (content, None)


def _split_patterns(content: bytes) -> list[str]:
    """Return the patterns. Bytes that are not UTF-8 become lone surrogates."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip(" ") and not line.startswith("#")]


def _compile(lines: Iterable[str]) -> tuple[PathSpec[RegexPattern], bool]:
    """Return the compiled patterns, and whether any pattern is not valid."""
    compiled = [(line, _compile_pattern(line)) for line in lines]
    patterns = [pattern for _, pattern in compiled if pattern is not None]
    has_invalid = len(patterns) < len(compiled)
    try:
        return PathSpec(patterns, backend=_BACKEND), has_invalid
    except re2.error:  # They are too large together, or RE2 does not support one.
        return PathSpec([], backend=_BACKEND), True


def _compile_pattern(line: str) -> RegexPattern | None:
    if len(line) > _PATTERN_LIMIT or readable(line) != line or "\0" in line:
        return None
    try:
        text, members = _take_out(_as_bytes(line))
        pattern = _match_entry(GitIgnoreSpecPattern(_ANY_FOLDERS.sub(r"\g<0>*/", text)), members)
        PathSpec([pattern], backend=_BACKEND)
    except BracketError:
        return RegexPattern(None)
    except (ValueError, re.error, re2.error):
        return None
    return pattern


def _as_bytes(text: str) -> str:
    """Return a text of one character for each byte: git compares bytes."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _take_out(line: str) -> tuple[str, list[frozenset[int]]]:
    """Return a pattern without what pathspec reads in another way, and what that matches.

    The bracket expressions, and the white space that git keeps, are replaced by characters from
    _STAND_IN upwards, one for each entry of the list.
    """
    members: list[frozenset[int]] = []
    parts: list[str] = []
    has_slash = False
    place, end = 0, len(_trim(line))
    while place < end:
        character = line[place]
        place += 1
        if character == "[":
            start = place
            matching, place = read_bracket(line[:end], place)
            has_slash |= "/" in line[start:place]
        elif character == "\\" and line[place : min(place + 1, end)].isspace():
            matching = frozenset({ord(line[place])})
            place += 1
        elif character == "\\":
            parts.append(line[place - 1 : place + 1])
            place += 1
            continue
        elif character.isspace():
            matching = frozenset({ord(character)})
        else:
            parts.append(character)
            continue
        if not matching:
            raise BracketError("The expression matches nothing.")
        parts.append(chr(_STAND_IN + len(members)))
        members.append(matching)
    text = "".join(parts)
    if has_slash:  # It binds the pattern to the folder, as any other slash does.
        text = re.sub(r"^(!?)/?", r"\1/", text)
    return text, members


def _trim(line: str) -> str:
    """Return a pattern without the spaces at its end that no backslash keeps."""
    trimmed = line.rstrip(" ")
    backslashes = len(trimmed) - len(trimmed.rstrip("\\"))
    return line[: len(trimmed) + 1] if backslashes % 2 and trimmed != line else trimmed


def _match_entry(pattern: GitIgnoreSpecPattern, members: Sequence[frozenset[int]]) -> RegexPattern:
    """Return a pattern that matches what it names, and nothing for being below that."""
    if pattern.regex is None:
        return RegexPattern(None)
    expression = str(pattern.regex.pattern)
    for end, replacement in _ENDS:
        if expression.endswith(end):
            expression = expression.removesuffix(end) + replacement
            break
    for number, matching in enumerate(members):
        expression = expression.replace(chr(_STAND_IN + number), bracket_regex(matching))
    # A name may hold ends of lines.
    return RegexPattern(re.compile(f"(?s){expression}"), include=pattern.include)
