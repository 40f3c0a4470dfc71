"""Which functions of a module input from outside may come to: the others need not be followed."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from kova.adapters.analyzers.python_rules import flow_tables as tables
from kova.adapters.analyzers.python_rules.index import Index
from kova.adapters.analyzers.python_rules.names import Function

# Each origin of tables, as it stands in a text; aliases are added from the imports. A pattern that
# begins with letters is several times faster than one that begins with a boundary.
_ORIGINS: Final = (
    r"req(?:uest)?[\s)\\]*\.[\s\\]*(?:" + "|".join(sorted(tables.REQUEST_FIELDS)) + r")\b",
    *(rf"{name}\b" for name in ("argv", "stdin", "input", "random", *tables.REQUEST_CALLS)),
)


class Reach:
    """The functions whose own lines hold an origin of input, and those that call one of them.

    Attributes:
        functions: their qualified names.
        module: the statements outside of functions are among them.
    """

    def __init__(self, index: Index) -> None:
        """Take the module's index."""
        self._index = index
        self._ranges = {
            name: (min([node.lineno, *(one.lineno for one in node.decorator_list)]), end)
            for name, node in index.functions.items()
            if (end := node.end_lineno) is not None
        }
        self.functions = {name for name, node in index.functions.items() if is_route(node)}
        self.module = False
        self._followed: set[str] = set()
        self._mark(re.compile("|".join([*_ORIGINS, *_aliases(index)])))
        self.spread(())

    def spread(self, names: Iterable[str]) -> None:
        """Add the functions that use one of these names, and all that call one of those found."""
        words = {re.escape(name.rpartition(".")[2]) for name in names}
        if words:
            self._mark(re.compile(rf"\b(?:{'|'.join(sorted(words))})\b"))
        while new := self.functions - self._followed:
            self._followed |= new
            called = {name.rpartition(".")[2] for name in new if self._returns(name)}
            if called:
                self._mark(re.compile(rf"(?<!def )\b(?:{'|'.join(sorted(called))})[\s)\\]*\("))

    def _returns(self, name: str) -> bool:
        nodes = (place.node for place in self._index.places[self._index.insides[name]])
        return any(isinstance(one, ast.Return) and one.value is not None for one in nodes)

    def _mark(self, words: re.Pattern[str]) -> None:
        lines = self._index.lines_with(words)
        if not lines:
            return
        inside: set[int] = set()
        for name, (first, last) in self._ranges.items():
            begin, end = bisect_left(lines, first), bisect_left(lines, last + 1)
            if begin < end:
                self.functions.add(name)
                inside.update(lines[begin:end])
        self.module = self.module or not inside.issuperset(lines)


def is_route(function: Function) -> bool:
    """Tell whether a web framework calls a function, by its decorators."""
    funcs = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return any(isinstance(one, ast.Attribute) and one.attr in tables.ROUTES for one in funcs)


def _aliases(index: Index) -> list[str]:
    """Return the names under which a module imports an origin."""
    return [
        rf"{re.escape(local)}\b"
        for local, origin in index.imports.items()
        if f"{origin}.".startswith(tables.ORIGINS) or origin.endswith(tables.REQUEST_NAMES)
    ]
