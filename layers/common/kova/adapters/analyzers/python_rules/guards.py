"""Tests that make a value safe, blocks that end a function, and tests that always end the same."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from kova.adapters.analyzers.python_rules import flow_tables as tables
from kova.adapters.analyzers.python_rules.names import (
    arguments,
    dotted_name,
    has_name,
    last_name,
    text_of,
)

_ENDS: Final = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_STOPPERS: Final = frozenset({"abort", "exit", "_exit", "fail", "error"})
_COMPARED: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_COUNTED: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv,
    ast.Mod: operator.mod,
}
_LARGEST: Final = 10**9


def guarded_names(test: ast.expr) -> set[str]:
    """Return the names that a test compares with what is allowed."""
    found: set[str] = set()
    if isinstance(test, ast.BoolOp):
        found = set().union(*map(guarded_names, test.values))
    elif isinstance(test, ast.UnaryOp):
        found = guarded_names(test.operand)
    elif isinstance(test, ast.NamedExpr):
        found = guarded_names(test.value)
    elif isinstance(test, ast.Compare):
        if any(map(_allows, test.ops, test.comparators)):
            found = {dotted_name(test.left)}
    elif isinstance(test, ast.Call) and tables.GUARDS.search(last_name(test.func)):
        found = set(map(dotted_name, arguments(test)))
        if isinstance(test.func, ast.Attribute):
            found.add(dotted_name(test.func.value))
    return found - {""}


def _allows(comparison: ast.cmpop, with_what: ast.expr) -> bool:
    if isinstance(comparison, ast.In | ast.NotIn):
        return True
    something = has_name(with_what) or text_of(with_what)
    return isinstance(comparison, ast.Eq | ast.NotEq) and bool(something)


def leaves(block: Sequence[ast.stmt]) -> bool:
    """Tell whether a block always ends the function or the turn of the loop."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return last_name(last.value.func) in _STOPPERS
    if isinstance(last, ast.If):
        return leaves(last.body) and leaves(last.orelse)
    return isinstance(last, _ENDS)


def constant_test(test: ast.expr) -> bool | None:
    """Return how a test over whole numbers always ends, or None."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, right = _number(test.left), _number(test.comparators[0])
    compare = _COMPARED.get(type(test.ops[0]))
    return None if left is None or right is None or compare is None else compare(left, right)


def _number(node: ast.expr) -> int | None:
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if not isinstance(node, ast.BinOp):
        return None
    left, right, count = _number(node.left), _number(node.right), _COUNTED.get(type(node.op))
    if left is None or right is None or count is None or max(abs(left), abs(right)) > _LARGEST:
        return None
    if not right and isinstance(node.op, ast.FloorDiv | ast.Div | ast.Mod):
        return None
    return count(left, right)
