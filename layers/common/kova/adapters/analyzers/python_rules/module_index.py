"""What a module holds: its statements with the function around them, imports, functions, calls."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from kova.adapters.analyzers.python_rules.ast_helpers import (
    Function,
    dotted_name,
    nodes_below,
    parts_of,
)

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_BLOCKS: Final = ("body", "handlers", "cases", "orelse", "finalbody")
_HEADED: Final = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While,
    ast.With, ast.AsyncWith,
)  # fmt: skip
_COMPOUND: Final = (*_HEADED, ast.Try, ast.TryStar, ast.Match)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A statement, without the statements in it, and the qualified name of the function around."""

    node: ast.stmt
    scope: str


@dataclass(frozen=True, kw_only=True)
class CallPlace:
    """A call, and the statement that it is part of."""

    call: ast.Call
    place: Place


@dataclass(kw_only=True)
class ModuleIndex:
    """One walk over the statements of a module; expressions are looked into on demand.

    Attributes:
        module: the tree.
        text: the source.
        imports: dotted name by local name (`{"md5": "hashlib.md5", "np": "numpy"}`).
        functions: functions and methods by qualified name.
        classes: the class around each function, by the function's qualified name.
        places: every statement but imports, in order.
        ranges: which of the places are in a function, by its qualified name.
    """

    module: ast.Module
    text: str
    imports: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    ranges: dict[str, slice] = field(default_factory=dict)

    def resolve_name(self, node: ast.AST) -> str:
        """Return the dotted name of an expression with imports resolved, empty if it has none."""
        dotted = dotted_name(node)
        first, _, rest = dotted.partition(".")
        origin = self.imports.get(first, first)
        return f"{origin}.{rest}" if rest else origin

    def called_name(self, call: ast.Call) -> str:
        """Return the dotted name of what is called."""
        return self.resolve_name(call.func)

    @cached_property
    def calls(self) -> list[CallPlace]:
        """Every call."""
        return [call for place in self.places for call in _calls_in(place)]

    def calls_near(self, words: re.Pattern[str]) -> Iterator[CallPlace]:
        """Yield the calls of those statements in whose lines a word stands."""
        lines = self.lines_with(words)
        for place in self.places:
            first, last = _lines_of(place.node)
            if _has_any_between(lines, first, last):
                yield from _calls_in(place)

    @cached_property
    def assigns(self) -> list[ast.Assign | ast.AnnAssign]:
        """Every assignment."""
        nodes = (place.node for place in self.places)
        return [node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign)]

    def lines_with(self, words: re.Pattern[str]) -> list[int]:
        """Return the numbers of the lines in which a match begins, in order."""
        return [self.line(match.start()) for match in words.finditer(self.text)]

    def line(self, position: int) -> int:
        """Return the number of the line in which a character of the text stands."""
        return bisect_right(self._starts, position)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def column(self, line: int, offset: int) -> int:
        """Return the column of a character, from 1, for an offset in bytes of UTF-8."""
        start = self._starts[line - 1]
        ahead = self.text[start : start + offset]
        return offset + 1 if ahead.isascii() else len(ahead.encode()[:offset].decode()) + 1


def index_module(module: ast.Module, text: str) -> ModuleIndex:
    """Walk a module once.

    Raises:
        RecursionError: it nests too deeply.
    """
    index = ModuleIndex(module=module, text=text)
    _walk(index, module.body, "", "")
    return index


def _walk(index: ModuleIndex, block: list[ast.stmt], scope: str, around: str) -> None:
    for node in block:
        if isinstance(node, ast.Import | ast.ImportFrom):
            index.imports.update(_imports(node))
        elif not isinstance(node, _COMPOUND):
            index.places.append(Place(node=node, scope=scope))
        elif isinstance(node, Function | ast.ClassDef):
            _walk_definition(index, node, f"{scope}.{node.name}" if scope else node.name, around)
        else:
            index.places.append(Place(node=node, scope=scope))
            for inner in _blocks(node):
                _walk(index, inner, scope, around)


def _walk_definition(
    index: ModuleIndex, node: Function | ast.ClassDef, name: str, around: str
) -> None:
    begin = len(index.places)
    index.places.append(Place(node=node, scope=name))
    if isinstance(node, ast.ClassDef):
        _walk(index, node.body, name, name)
        return
    index.functions[name] = node
    index.classes[name] = around
    _walk(index, node.body, name, around)
    index.ranges[name] = slice(begin, len(index.places))


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in _BLOCKS:
        block = getattr(node, name, [])
        if block and isinstance(block[0], ast.ExceptHandler | ast.match_case):
            yield from (clause.body for clause in block)
        elif block:
            yield block


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    origin = f"{'.' * node.level}{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        if alias.asname or origin:
            if alias.name != "*":
                yield alias.asname or alias.name, f"{origin}{alias.name}"
        else:
            top = alias.name.partition(".")[0]
            yield top, top


def _calls_in(place: Place) -> Iterator[CallPlace]:
    for node in nodes_below(*_own_parts(place.node)):
        if isinstance(node, ast.Call):
            yield CallPlace(call=node, place=place)


def _own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions of a statement, not those of the statements in it."""
    for part in parts_of(node):
        if isinstance(part, ast.ExceptHandler | ast.match_case):
            yield from _own_parts(part)
        elif not isinstance(part, ast.stmt):
            yield part


def _lines_of(node: ast.stmt) -> tuple[int, int]:
    """Return the first and last line of a statement's own expressions, or a few more."""
    first = min(
        [node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))]
    )
    if isinstance(node, _HEADED):
        return first, node.body[0].lineno
    return first, node.end_lineno or node.lineno


def _has_any_between(lines: list[int], first: int, last: int) -> bool:
    position = bisect_left(lines, first)
    return position < len(lines) and lines[position] <= last
