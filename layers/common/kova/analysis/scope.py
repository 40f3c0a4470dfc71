"""Qualified names around a line, by indentation.

It works on files that do not parse, in several languages, and in linear time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

_DEFINITION: Final = re.compile(
    r"^(\s*)(?:"
    r"(?:async\s+)?def \s*(\w+)"
    r"|(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class \s*(\w+)"
    r"|(?:export\s+)?(?:default\s+)?(?:async\s+)?function\s*\*?\s*(\w+)"
    r"|(?:export\s+)?(?:const|let|var)\s+(\w+)\s*=\s*(?:async\s*)?(?:\([^()]*\)|\w+)\s*=>"
    r")"
)
_WORDS: Final = ("def ", "class ", "function", "=>")
_LINE_LIMIT: Final = 1_000
_NAME_LIMIT: Final = 500


class Scopes:
    """The definitions of one file."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._numbers: list[int] = []
        self._depths: list[int] = []
        self._parents: list[int] = []
        # By these far ancestors as well, the way up a thousand definitions is a few steps.
        self._levels: list[int] = []
        self._jumps: list[int] = []
        self._own_names: list[str] = []
        self._dotted_names: dict[int, str] = {}
        for number, line in enumerate(lines, start=1):
            if not any(word in line for word in _WORDS):
                continue  # Nearly every line: the expression is twenty times slower.
            if match := _DEFINITION.match(line[:_LINE_LIMIT]):
                name = next(group for group in match.groups()[1:] if group)
                self._add(number, len(match[1].expandtabs()), name)

    def around(self, line: int) -> str:
        """Return the dotted name of the definitions around a line, empty at module level."""
        index = bisect_right(self._numbers, line) - 1
        if index >= 0 and self._numbers[index] != line:
            index = self._climb(index, self._indent(line))
        return self._dotted_name(index) if index >= 0 else ""

    def _dotted_name(self, index: int) -> str:
        """Return the end of a definition's name; that of all would take a file's size each."""
        if index not in self._dotted_names:
            names, length, at = list[str](), 0, index
            while at >= 0 and length <= _NAME_LIMIT:
                names.append(self._own_names[at])
                length += len(names[-1]) + 1
                at = self._parents[at]
            self._dotted_names[index] = ".".join(reversed(names))[-_NAME_LIMIT:]
        return self._dotted_names[index]

    def _add(self, number: int, depth: int, name: str) -> None:
        parent = self._climb(len(self._numbers) - 1, depth)
        self._numbers.append(number)
        self._depths.append(depth)
        self._parents.append(parent)
        self._add_jump(parent)
        self._own_names.append(name)

    def _add_jump(self, parent: int) -> None:
        """Add an ancestor to jump to: https://doi.org/10.1016/0020-0190(83)90106-0."""
        self._levels.append(self._levels[parent] + 1 if parent >= 0 else 0)
        jump = self._jumps[parent] if parent >= 0 else -1
        far = self._jumps[jump] if jump >= 0 else -1
        equal = jump >= 0 and far >= 0
        if equal:
            levels = self._levels
            equal = levels[parent] - levels[jump] == levels[jump] - levels[far]
        self._jumps.append(far if equal else parent)

    def _climb(self, index: int, indent: int) -> int:
        """Return the innermost definition, from this one outwards, that is indented less."""
        while index >= 0 and self._depths[index] >= indent:
            jump = self._jumps[index]
            is_far = jump >= 0 and self._depths[jump] >= indent
            index = jump if is_far else self._parents[index]
        return index

    def _indent(self, line: int) -> int:
        if not 0 < line <= len(self._lines):
            return 0
        text = self._lines[line - 1][:_LINE_LIMIT].expandtabs()
        return len(text) - len(text.lstrip())
