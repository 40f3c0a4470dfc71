"""What ruff reports and the place tells to be meant so, or to be nobody's to mend here."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Final

from kova.adapters.analyzers.program import Ground

# Names that a loader or gettext puts into modules (salt's `__salt__`), that Python 2 had, or that a
# file uses so often that their lack could not have gone unseen: no file alone can tell.
_INJECTED: Final = re.compile(
    r"`(?:__\w+__|unicode|basestring|unichr|long|xrange|raw_input|reduce|cmp|file|reload|buffer"
    r"|get_ipython|execfile|_)`"
)
_OFTEN: Final = 4
_LOGGED: Final = frozenset({"PLE1205", "PLE1206"})
_MEANT: Final = _LOGGED | {"F633"}
_DEFINITION: Final = re.compile(r"\s*(?:@|(?:async\s+)?def\b|class\b)")
_UNSAFE_LOADER: Final = re.compile(
    r"`(?:yaml\.)?C?(?:Unsafe|Full)?Loader`|Probable use of unsafe `"
)
_PYTHON_2: Final = re.compile(
    r"\s{0,200}(?:print\b|raise [\w.\[\]]{1,99},|exec [\w\"']|except [\w., ()]{1,199}, ?\w{1,99}:)"
    r"|.*(?:\b0[0-7]{2,}\b|\bur['\"]|<>)"
)
_IDLE_NAME: Final = re.compile(r"`(?:\w|_\w*|dummy|unused)`")


class Source:
    """A file that ruff reported about, read when it is asked for; `path` is the repository's."""

    def __init__(self, ground: Ground, path: str) -> None:
        """Take where it is."""
        self.path = path
        self._place = ground.folder / path

    @cached_property
    def text(self) -> str:
        """Its text."""
        return self._place.read_text(encoding="utf-8")

    def line(self, row: int) -> str:
        """Return a line, counted from 1; empty where there is none."""
        return self._lines[row - 1] if 0 < row <= len(self._lines) else ""

    @cached_property
    def logs(self) -> bool:
        """Whether it uses the standard library's loggers."""
        return "logging" in self.text or "getLogger" in self.text

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")


def is_meant(rule: str, entry: dict[str, Any], source: Source, *, uses: int, given: bool) -> bool:
    """Tell whether a finding is a warning where it stands.

    Args:
        rule: its rule.
        entry: ruff's own words.
        source: the file.
        uses: how often the file has the same message.
        given: most names of the file are undefined: something else runs it, and gives them.
    """
    message, row = str(entry["message"]), int(entry["location"]["row"])
    if rule == "F821":
        often = uses >= _OFTEN or _INJECTED.search(message) is not None
        return given or often or _caught(source, message)
    if rule == "F811":
        return not _defined_twice(source, message, row)
    if rule in _LOGGED and not source.logs:
        return True  # A logger that is not the standard library's may fill `{}` in.
    if rule in _MEANT:
        return uses > 1  # A file that does it again and again means it.
    if rule == "T100":
        return message.startswith("Import for")
    if rule == "S506":
        return _UNSAFE_LOADER.search(message) is None  # A loader of one's own may be safe.
    if rule == "B015":
        return source.line(row - 1).strip() == "try:"  # To see whether it raises.
    if rule == "PLW0128":
        return _IDLE_NAME.search(message) is not None
    return rule == "invalid-syntax" and _PYTHON_2.match(source.line(row)) is not None


def _defined_twice(source: Source, message: str, row: int) -> bool:
    """Tell whether a function or class takes another one's place: anything else is untidy only."""
    before = re.search(r"from line (\d+)", message)
    rows = [row, *([int(before[1])] if before else [])]
    return all(_DEFINITION.match(source.line(one)) for one in rows)


def _caught(source: Source, message: str) -> bool:
    """Tell whether a name is that of Python 2's `except Error, name`."""
    name = re.search(r"`(\w+)`", message)
    if name is None:
        return False
    return re.search(rf"except [\w., ()]{{1,199}}, ?{name[1]} ?:", source.text) is not None
