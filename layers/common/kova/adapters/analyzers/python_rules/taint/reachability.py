"""Which functions of a module input from outside may come to: the others need not be followed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Final

from kova.adapters.analyzers.python_rules.ast_helpers import Function
from kova.adapters.analyzers.python_rules.module_index import ModuleIndex
from kova.adapters.analyzers.python_rules.taint import model

# Each origin of the model, as it stands in a text; aliases are added from the imports. A pattern
# that begins with letters is several times faster than one that begins with a boundary.
_ORIGINS: Final = (
    r"req(?:uest)?[\s)\\]*\.[\s\\]*(?:" + "|".join(sorted(model.REQUEST_FIELDS)) + r")\b",
    *(rf"{name}\b" for name in ("argv", "stdin", "input", "random", *model.REQUEST_CALLS)),
)


_CALLED: Final = re.compile(r"\b(\w++)[\s)\\]*+\(")


class Reachability:
    """The functions in whose own lines an origin of input stands, and those that it comes back to.

    Attributes:
        functions: their qualified names.
        reaches_module: input may come to the statements outside of functions.
    """

    def __init__(self, index: ModuleIndex) -> None:
        self._index = index
        self._around = _innermost(index)
        self.functions = {name for name, node in index.functions.items() if is_route(node)}
        self.reaches_module = False
        self._pending = [*self.functions]
        self._mark(index.lines_with(re.compile("|".join([*_ORIGINS, *_aliases(index)]))))
        self._follow()

    def spread(self, names: Iterable[str]) -> None:
        """Add the functions that use one of these names, and those that a value comes back to."""
        words = {re.escape(name.rpartition(".")[2]) for name in names}
        if words:
            self._mark(self._index.lines_with(re.compile(rf"\b(?:{'|'.join(sorted(words))})\b")))
            self._follow()

    def _follow(self) -> None:
        while self._pending:
            name = self._pending.pop()
            if self._returns(name):
                self._mark(self._callers.get(name.rpartition(".")[2], ()))

    def _returns(self, name: str) -> bool:
        return any(
            place.scope == name and isinstance(place.node, ast.Return) and place.node.value
            for place in self._index.places[self._index.ranges[name]]
        )

    @cached_property
    def _callers(self) -> dict[str, list[int]]:
        """The lines in which each function's name is followed by a parenthesis."""
        callers: dict[str, list[int]] = {
            name.rpartition(".")[2]: [] for name in self._index.functions
        }
        for match in _CALLED.finditer(self._index.text):
            if match[1] in callers:
                callers[match[1]].append(self._index.line(match.start()))
        return callers

    def _mark(self, lines: Iterable[int]) -> None:
        for line in lines:
            name = self._around[line]
            if not name:
                self.reaches_module = True
            elif name not in self.functions:
                self.functions.add(name)
                self._pending.append(name)


def _innermost(index: ModuleIndex) -> list[str]:
    """Return the name of the innermost function around each line, empty outside of functions."""
    around = [""] * (index.line(len(index.text)) + 2)
    for name, node in index.functions.items():  # Nested functions come after the outer one.
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        end = (node.end_lineno or node.lineno) + 1
        around[first:end] = [name] * (end - first)
    return around


def is_route(function: Function) -> bool:
    """Tell whether a web framework calls a function, by its decorators."""
    decorators = (
        decorator.func if isinstance(decorator, ast.Call) else decorator
        for decorator in function.decorator_list
    )
    return any(
        isinstance(decorator, ast.Attribute) and decorator.attr in model.ROUTES
        for decorator in decorators
    )


def _aliases(index: ModuleIndex) -> list[str]:
    """Return the names under which a module imports an origin."""
    return [
        rf"{re.escape(local)}\b"
        for local, origin in index.imports.items()
        if f"{origin}.".startswith(model.ORIGINS) or origin.endswith(model.REQUEST_NAMES)
    ]
