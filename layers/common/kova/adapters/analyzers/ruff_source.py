"""The text of a file that ruff reported about, asked for what stands around a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from kova.adapters.analyzers.tool_workspace import ToolWorkspace

_HEADER: Final = re.compile(
    r"\s*(?:if|elif|else|for|while|with|try|except|finally|async|def|class|match|case)\b"
)
_BRANCH: Final = re.compile(r"\s*(?:elif|else|except|finally)\b")
_SCRIPT: Final = re.compile(r"## ?Script \(Python\)")  # Zope's.
_FUNCTION: Final = re.compile(r"\bdef\b")
_FAR: Final = 200  # Lines that are looked at before or after one: a file may hold any number.
_WIDE: Final = 2_000  # Characters of a line that are looked at: it may hold thousands of findings.
_MOST_TEXT: Final = 20_000  # Characters of several lines.


class Source:
    """A file, read when it is asked for; `path` is the repository's."""

    def __init__(self, workspace: ToolWorkspace, path: str) -> None:
        self.path = path
        self._place = workspace.folder / path
        self._has: dict[re.Pattern[str], bool] = {}

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.path).name

    @cached_property
    def text(self) -> str:
        """Its text."""
        return self._place.read_text(encoding="utf-8")

    def line(self, row: int) -> str:
        """Return the begin of a line, counted from 1; empty where there is none."""
        return self._lines[row - 1] if 0 < row <= len(self._lines) else ""

    def between(self, first: int, last: int) -> str:
        """Return the lines after one and up to another, of those the last few hundred."""
        return "\n".join(self._lines[max(first, last - _FAR, 0) : last])[-_MOST_TEXT:]

    def has(self, pattern: re.Pattern[str]) -> bool:
        """Tell whether a pattern is found anywhere; it is looked for once."""
        if pattern not in self._has:
            self._has[pattern] = pattern.search(self.text) is not None
        return self._has[pattern]

    @cached_property
    def loaded(self) -> bool:
        """Whether something runs it within a function: it says so, or has no function itself."""
        return _SCRIPT.match(self.text) is not None or _FUNCTION.search(self.text) is None

    @cached_property
    def logs(self) -> bool:
        """Whether it uses the standard library's loggers, and no others."""
        return "loguru" not in self.text and ("logging" in self.text or "getLogger" in self.text)

    def around(self, row: int) -> Iterator[tuple[int, str]]:
        """Yield the headers of the blocks around a line, from within, by row.

        With an `else` comes the `if` that it belongs to.
        """
        level = _indent(self.line(row))
        for above in range(row - 1, max(row - 1 - _FAR, 0), -1):
            if level == 0:
                return
            line = self.line(above)
            if line.strip() and _indent(line) < level and _HEADER.match(line):
                yield above, line
                level = _indent(line) + (_BRANCH.match(line) is not None)

    def after(self, row: int) -> str:
        """Return what follows a line in the function around it."""
        own = next((_indent(line) for _, line in self.around(row) if _FUNCTION.search(line)), -1)
        lines: list[str] = []
        for line in self._lines[row : row + _FAR]:
            if line.strip() and _indent(line) <= own:
                break
            lines.append(line)
        return "\n".join(lines)[:_MOST_TEXT]

    def block(self, row: int) -> str:
        """Return a definition's lines, and the blank ones after them not."""
        level = _indent(self.line(row))
        lines = [self.line(row)]
        for line in self._lines[row : row + _FAR]:
            if line.strip() and _indent(line) <= level:
                break
            lines.append(line)
        return "\n".join(lines)[:_MOST_TEXT].rstrip()

    def decorators(self, row: int) -> Iterator[str]:
        """Yield the decorators above a definition, the nearest first."""
        level, lines = _indent(self.line(row)), list[str]()
        for above in range(row - 1, max(row - 1 - _FAR, 0), -1):
            line = self.line(above)
            text = line.strip()
            if not text or (_indent(line) <= level and text[0] not in "@)}]#"):
                return
            lines.append(text)
            if text[0] == "@" and _indent(line) == level:
                yield " ".join(reversed(lines))
                lines.clear()

    @cached_property
    def _lines(self) -> list[str]:
        return [line[:_WIDE] for line in self.text.split("\n")]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
