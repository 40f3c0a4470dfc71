"""Tests that make a value safe, blocks that end a function, and tests whose outcome is known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from kova.adapters.analyzers.python_rules.ast_helpers import (
    arguments,
    dotted_name,
    has_name,
    key_of,
    last_name,
    text_of,
    whole_number,
)
from kova.adapters.analyzers.python_rules.taint import model

_ENDS: Final = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_STOPPERS: Final = frozenset({"abort", "exit", "_exit", "fail", "error"})
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
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

_ALL: Final = frozenset(model.RULES)
# Texts that a test keeps out, and the harm that cannot be done without them.
_BANNED: Final = (
    (frozenset({"..", "../", "/"}), frozenset({"path"})),
    (frozenset({"'", '"'}), frozenset({"sql", "xpath"})),
    (frozenset({"<", ">"}), frozenset({"xss"})),
    (frozenset({"://", "//"}), frozenset({"redirect", "ssrf"})),
)
# What of an address decides where it leads.
_HOSTS: Final = frozenset({"netloc", "hostname", "scheme", "host"})
# Functions whose result is tested in place of their argument.
_SAME: Final = frozenset(
    {"str", "lower", "strip", "abspath", "realpath", "normpath", "resolve", "upper", "fspath"}
)


def guards_of(test: ast.expr) -> Guards:
    """Return the names that a test compares with what is allowed, or with what is not."""
    guards: Guards = {}
    if isinstance(test, ast.BoolOp):
        for operand in test.values:
            for name, kinds in guards_of(operand).items():
                guards[name] = guards.get(name, frozenset()) | kinds
    elif isinstance(test, ast.UnaryOp):
        guards = guards_of(test.operand)
    elif isinstance(test, ast.NamedExpr):
        guards = guards_of(test.value)
    elif isinstance(test, ast.Compare):
        guards = _guards_of_comparison(test)
    elif isinstance(test, ast.Call) and model.GUARDS.search(last_name(test.func)):
        operands = [*arguments(test)]
        if isinstance(test.func, ast.Attribute):
            operands.append(test.func.value)
        guards = {name: _ALL for operand in operands for name in _names_read(operand)}
    return guards


def equal_names(test: ast.expr) -> Guards:
    """Return the names that equal a constant or name where a test holds: `"a" == name`."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return {}
    is_named = has_name(test.left) or text_of(test.left)
    return dict.fromkeys(_names_read(test.comparators[0]) if is_named else (), _ALL)


def _guards_of_comparison(test: ast.Compare) -> Guards:
    banned = text_of(test.left)
    if banned and isinstance(test.ops[0], ast.In | ast.NotIn):
        kinds = frozenset[str]().union(*(kinds for texts, kinds in _BANNED if banned in texts))
        return dict.fromkeys(_names_read(test.comparators[0]), kinds) if kinds else {}
    if not any(map(_allows, test.ops, test.comparators)):
        return {}
    if isinstance(test.left, ast.Attribute) and test.left.attr in _HOSTS:
        return dict.fromkeys(_names_read(test.left.value), frozenset({"redirect", "ssrf"}))
    return dict.fromkeys(_names_read(test.left), _ALL)


def _names_read(node: ast.expr) -> set[str]:
    """Return the names whose text an expression is, perhaps in another spelling."""
    if isinstance(node, ast.Call) and last_name(node.func) in _SAME:
        operands = [*arguments(node)]
        if isinstance(node.func, ast.Attribute):
            operands.append(node.func.value)
        return set().union(*map(_names_read, operands))
    name = dotted_name(node) or lookup_name(node)
    return {name} if name else set()


def lookup_name(node: ast.expr) -> str:
    """Return the name under which a look-up by a constant is known: `?request.GET.get('next')`."""
    if isinstance(node, ast.Subscript):
        name, keys = f"{dotted_name(node.value)}.get", [key_of(node.slice)]
    elif isinstance(node, ast.Call) and last_name(node.func) == "get" and not node.keywords:
        constant = all(isinstance(argument, ast.Constant) for argument in node.args)
        name = dotted_name(node.func)
        keys = [key_of(argument) for argument in node.args[:1] if constant]
    else:
        return ""
    return f"?{name}({keys[0]})" if keys and keys[0] is not None else ""


def _allows(comparison: ast.cmpop, compared: ast.expr) -> bool:
    """Tell whether a comparison is with what is allowed: a collection, a constant or a name."""
    if isinstance(comparison, ast.In | ast.NotIn):
        return True
    is_named = has_name(compared) or text_of(compared)
    return isinstance(comparison, ast.Eq | ast.NotEq) and bool(is_named)


def is_own_address(text: str) -> bool:
    """Tell whether a text begins with a host or path, so that what follows cannot choose one."""
    host = text.partition("://")[2]
    return (text.startswith("/") and len(text) > 1 and text[1] != "/") or "/" in host


def always_leaves(block: Sequence[ast.stmt]) -> bool:
    """Tell whether a block always ends the function or the iteration of the loop."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return last_name(last.value.func) in _STOPPERS
    if isinstance(last, ast.If):
        return always_leaves(last.body) and always_leaves(last.orelse)
    return isinstance(last, _ENDS)


def decide_test(test: ast.expr, numbers: Mapping[str, int]) -> bool | None:
    """Return the outcome of a test over whole numbers that are known, or None."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    first, second = _number(test.left, numbers), _number(test.comparators[0], numbers)
    compare = _COMPARISONS.get(type(test.ops[0]))
    return None if first is None or second is None or compare is None else compare(first, second)


def _number(node: ast.expr, numbers: Mapping[str, int]) -> int | None:
    if isinstance(node, ast.Name):
        return numbers.get(node.id)
    if isinstance(node, ast.Constant):
        return whole_number(node)
    if not isinstance(node, ast.BinOp):
        return None
    first, second = _number(node.left, numbers), _number(node.right, numbers)
    calculate = _ARITHMETIC.get(type(node.op))
    if first is None or second is None or calculate is None:
        return None
    if max(abs(first), abs(second)) > _LARGEST:
        return None
    if not second and isinstance(node.op, ast.FloorDiv | ast.Div | ast.Mod):
        return None
    return calculate(first, second)
