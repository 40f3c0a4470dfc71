"""Tests that make a value safe, blocks that end a function, and tests that always end the same."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from kova.adapters.analyzers.python_rules import flow_tables as tables
from kova.adapters.analyzers.python_rules.names import (
    arguments,
    dotted_name,
    has_name,
    key_of,
    last_name,
    text_of,
    whole_number,
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


Guards = dict[str, frozenset[str]]
"""By name, the kinds of harm that a test rules out."""

_ALL: Final = frozenset(tables.RULES)
# Texts that a test keeps out, and the harm that cannot be done without them.
_BANNED: Final = (
    (frozenset({"..", "../", "/"}), frozenset({"path"})),
    (frozenset({"'", '"'}), frozenset({"sql", "xpath"})),
    (frozenset({"<", ">"}), frozenset({"xss"})),
    (frozenset({"://", "//"}), frozenset({"redirect", "ssrf"})),
)
# What of an address decides where it leads.
_HOSTS: Final = frozenset({"netloc", "hostname", "scheme", "host"})
# Functions after which a test still speaks of what they were given.
_SAME: Final = frozenset(
    {"str", "lower", "strip", "abspath", "realpath", "normpath", "resolve", "upper", "fspath"}
)


def guards_of(test: ast.expr) -> Guards:
    """Return the names that a test compares with what is allowed, or with what is not."""
    found: Guards = {}
    if isinstance(test, ast.BoolOp):
        for one in test.values:
            for name, kinds in guards_of(one).items():
                found[name] = found.get(name, frozenset()) | kinds
    elif isinstance(test, ast.UnaryOp):
        found = guards_of(test.operand)
    elif isinstance(test, ast.NamedExpr):
        found = guards_of(test.value)
    elif isinstance(test, ast.Compare):
        found = _compared(test)
    elif isinstance(test, ast.Call) and tables.GUARDS.search(last_name(test.func)):
        named = [*arguments(test)]
        if isinstance(test.func, ast.Attribute):
            named.append(test.func.value)
        found = {name: _ALL for one in named for name in _spoken_of(one)}
    return found


def equal_in(test: ast.expr) -> Guards:
    """Return the names that equal something where a test holds, as in `"a" == name`."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return {}
    something = has_name(test.left) or text_of(test.left)
    return dict.fromkeys(_spoken_of(test.comparators[0]) if something else (), _ALL)


def _compared(test: ast.Compare) -> Guards:
    banned = text_of(test.left)
    if banned and isinstance(test.ops[0], ast.In | ast.NotIn):
        kinds = frozenset[str]().union(*(kinds for texts, kinds in _BANNED if banned in texts))
        return dict.fromkeys(_spoken_of(test.comparators[0]), kinds) if kinds else {}
    if not any(map(_allows, test.ops, test.comparators)):
        return {}
    if isinstance(test.left, ast.Attribute) and test.left.attr in _HOSTS:
        return dict.fromkeys(_spoken_of(test.left.value), frozenset({"redirect", "ssrf"}))
    return dict.fromkeys(_spoken_of(test.left), _ALL)


def _spoken_of(node: ast.expr) -> set[str]:
    """Return the names whose text an expression is."""
    if isinstance(node, ast.Call) and last_name(node.func) in _SAME:
        inside = [*arguments(node)]
        if isinstance(node.func, ast.Attribute):
            inside.append(node.func.value)
        return set().union(*map(_spoken_of, inside))
    name = dotted_name(node) or asked(node)
    return {name} if name else set()


def asked(node: ast.expr) -> str:
    """Return the name under which a look-up by a constant is known: `?request.GET.get('next')`."""
    if isinstance(node, ast.Subscript):
        name, keys = f"{dotted_name(node.value)}.get", [key_of(node.slice)]
    elif isinstance(node, ast.Call) and last_name(node.func) == "get" and not node.keywords:
        constant = all(isinstance(one, ast.Constant) for one in node.args)
        name, keys = dotted_name(node.func), [key_of(one) for one in node.args[:1] if constant]
    else:
        return ""
    return f"?{name}({keys[0]})" if keys and keys[0] is not None else ""


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


def constant_test(test: ast.expr, numbers: Mapping[str, int]) -> bool | None:
    """Return how a test over whole numbers that are known always ends, or None."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, right = _number(test.left, numbers), _number(test.comparators[0], numbers)
    compare = _COMPARED.get(type(test.ops[0]))
    return None if left is None or right is None or compare is None else compare(left, right)


def _number(node: ast.expr, numbers: Mapping[str, int]) -> int | None:
    if isinstance(node, ast.Name):
        return numbers.get(node.id)
    if isinstance(node, ast.Constant):
        return whole_number(node)
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _number(node.left, numbers), _number(node.right, numbers)
    count = _COUNTED.get(type(node.op))
    if left is None or right is None or count is None or max(abs(left), abs(right)) > _LARGEST:
        return None
    if not right and isinstance(node.op, ast.FloorDiv | ast.Div | ast.Mod):
        return None
    return count(left, right)
