"""What the comments of one file suppress, read once however many findings there are."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from math import inf
from typing import Final

from kova.analysis.line_comments import LineComments, RuleNames, is_comment, words_of

_SCRIPT: Final = re.compile(
    r"(?:oxlint|eslint)-(?P<what>disable-next-line|disable-line|disable|enable)"
    r"(?P<rules>(?:[ \t]+[\w@/, -]+)?)"
)
_FILE_LINES: Final = 200
"""So far from the begin of a file `ruff: noqa` is looked for."""

_ALL: Final = "*"
_NOTHING: Final[frozenset[str]] = frozenset()
_OF_ONE_LINE: Final = {"disable-next-line": 1, "disable-line": 0}
"""Comments about one line, and how far below it is."""


class FileComments:
    """One file's comments. Line numbers begin at 1."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._by_number: dict[int, LineComments] = {}

    def line(self, number: int) -> LineComments:
        """Return a line's comments; those of an empty line where there is none."""
        known = self._by_number.get(number)
        if known is None:
            text = self._lines[number - 1] if 0 < number <= len(self._lines) else ""
            known = self._by_number[number] = LineComments(text)
        return known

    def text(self, number: int) -> str:
        """Return a line that there is."""
        return self._lines[number - 1]

    @property
    def last(self) -> int:
        """The number of the last line."""
        return len(self._lines)

    @cached_property
    def file_noqa(self) -> Sequence[RuleNames]:
        """What `ruff: noqa` names at the begin of the file."""
        numbers = range(1, min(self.last, _FILE_LINES) + 1)
        return [names for number in numbers if (names := self.line(number).file_noqa)]

    @cached_property
    def scripts(self) -> ScriptComments:
        """The comments of ESLint and oxlint."""
        return ScriptComments(self._lines)

    @cached_property
    def shell_blocks(self) -> ShellBlocks:
        """The comments of ShellCheck."""
        return ShellBlocks(self)

    @cached_property
    def global_hadolint(self) -> frozenset[str]:
        """The rules that hadolint ignores in the whole file."""
        ignored = [
            self.line(number).hadolint
            for number in range(1, self.last + 1)
            if "hadolint" in self.text(number)
        ]
        whole = [names for is_global, names in filter(None, ignored) if is_global]
        return frozenset(name for names in whole for name in names.names)


class ScriptComments:
    """Which rules are off at which line of a script.

    A rule counts by the part behind its plugin: `no-eval` names `eslint/no-eval`.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._own: dict[tuple[str, int], set[str]] = defaultdict(set)
        # By rule, in the order of lines: from which line on it is off, or on again.
        self._turns: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
        order = 0
        for number, text in enumerate(lines, start=1):
            if "lint-" not in text:
                continue
            for match in _SCRIPT.finditer(text):
                order += 1
                self._note(number, order, match["what"], match["rules"].partition("--")[0])

    def _note(self, number: int, order: int, what: str, rules: str) -> None:
        names = {word.rpartition("/")[2] for word in words_of(rules)} or {_ALL}
        if what in _OF_ONE_LINE:
            self._own[what, number + _OF_ONE_LINE[what]] |= names
            return
        for name in names:
            self._turns[name].append((number, order, what == "disable"))

    def find(self, rule: str, number: int) -> str | None:
        """Return which comment turns a rule off at a line."""
        name = rule.rpartition("/")[2]
        for what in _OF_ONE_LINE:
            if not self._own.get((what, number), _NOTHING).isdisjoint((name, _ALL)):
                return what
        turns = [turn for key in {name, _ALL} if (turn := self._last_turn(key, number))]
        return "disable" if turns and max(turns)[2] else None

    def _last_turn(self, name: str, number: int) -> tuple[int, int, bool] | None:
        turns = self._turns.get(name, [])
        at = bisect_right(turns, number, key=_line_of)
        return turns[at - 1] if at else None


class ShellBlocks:
    """Blocks of comments in a shell script: each holds for the command below it."""

    def __init__(self, comments: FileComments) -> None:
        self._comments = comments
        # By line of a comment: where its block begins.
        self._begins: dict[int, int] = {}
        begin: int | None = None
        for number in range(1, comments.last + 1):
            if not is_comment(comments.text(number)):
                begin = None
                continue
            begin = begin or number
            self._begins[number] = begin
        self._directives: dict[int, list[tuple[int, Sequence[str]]]] = defaultdict(list)
        for number, begin_of_block in self._begins.items():
            named = "shellcheck" in comments.text(number)
            if named and (rules := comments.line(number).shellcheck):
                self._directives[begin_of_block].append((number, rules))
        self._first: dict[tuple[int, str], float] = {}
        self._whole: dict[str, bool] = {}

    def is_off(self, rule: str, number: int) -> bool:
        """Tell whether a rule is off: by the block above a line, or before the first command."""
        begin = self._begins.get(number - 1)
        if begin is not None and self._first_naming(begin, rule) < number:
            return True
        if rule not in self._whole:
            self._whole[rule] = any(self._first_naming(begin, rule) < inf for begin in self._head)
        return self._whole[rule]

    @cached_property
    def _head(self) -> Sequence[int]:
        """Where the blocks before the first command begin."""
        begins: dict[int, None] = {}
        for number in range(1, self._comments.last + 1):
            if number in self._begins:
                begins[self._begins[number]] = None
            elif self._comments.text(number).strip():
                break
        return list(begins)

    def _first_naming(self, begin: int, rule: str) -> float:
        """Return the first line of a block that names a rule; without one, what no line reaches."""
        key = (begin, rule)
        if key not in self._first:
            lines = (
                number
                for number, rules in self._directives.get(begin, ())
                if any(_is_in(rule, word) for word in rules)
            )
            self._first[key] = next(lines, inf)
        return self._first[key]


def _line_of(turn: tuple[int, int, bool]) -> int:
    return turn[0]


def _is_in(rule: str, word: str) -> bool:
    first, _, last = word.partition("-")
    return word in {rule, "all"} or bool(last and first <= rule <= last)
