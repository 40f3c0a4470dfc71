"""Tests that make a value safe, blocks that end a function, and tests that always end the same."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from kova.adapters.analyzers.python_rules import flow_tables as tables
from kova.adapters.analyzers.python_rules.index import dotted_name, last_name, text_of
from kova.adapters.analyzers.python_rules.values import Value

_ENDS = (cst.Return, cst.Raise, cst.Continue, cst.Break)
_STOPPERS = frozenset({"abort", "exit", "_exit", "fail", "error"})


def guarded_names(test: cst.BaseExpression) -> set[str]:
    """Return the names that a test compares with what is allowed."""
    found: set[str] = set()
    if isinstance(test, cst.BooleanOperation):
        return guarded_names(test.left) | guarded_names(test.right)
    if isinstance(test, cst.UnaryOperation):
        return guarded_names(test.expression)
    if isinstance(test, cst.Comparison):
        for target in test.comparisons:
            equal = isinstance(target.operator, cst.Equal | cst.NotEqual)
            member = isinstance(target.operator, cst.In | cst.NotIn)
            empty = text_of(target.comparator) in {"", None} and not isinstance(
                target.comparator, cst.Name | cst.Attribute
            )
            if member or (equal and not empty):
                found.add(dotted_name(test.left))
    if isinstance(test, cst.Call) and tables.GUARDS.search(last_name(test.func)):
        found |= {dotted_name(arg.value) for arg in test.args}
        if isinstance(test.func, cst.Attribute):
            found.add(dotted_name(test.func.value))
    if isinstance(test, cst.NamedExpr):
        found |= guarded_names(test.value)
    return found - {""}


def leaves(body: cst.BaseSuite) -> bool:
    """Tell whether a block always ends the function or the turn of the loop."""
    if not body.body:
        return False
    last = body.body[-1]
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    if isinstance(last, cst.Expr) and isinstance(last.value, cst.Call):
        return last_name(last.value.func) in _STOPPERS
    if isinstance(last, cst.If):
        orelse = last.orelse
        return leaves(last.body) and isinstance(orelse, cst.Else) and leaves(orelse.body)
    return isinstance(last, _ENDS)


def constant_test(
    test: cst.BaseExpression, names: Mapping[str, Value], numbers: Mapping[str, int]
) -> bool | None:
    """Return how a test over whole numbers that are known always ends, or None."""
    del names
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return None
    left = _number(test.left, numbers)
    target = test.comparisons[0]
    right = _number(target.comparator, numbers)
    if left is None or right is None:
        return None
    results = {
        cst.GreaterThan: left > right,
        cst.LessThan: left < right,
        cst.GreaterThanEqual: left >= right,
        cst.LessThanEqual: left <= right,
        cst.Equal: left == right,
        cst.NotEqual: left != right,
    }
    return results.get(type(target.operator))


def _number(node: cst.BaseExpression, numbers: Mapping[str, int]) -> int | None:
    if isinstance(node, cst.Integer):
        return node.evaluated_value
    if isinstance(node, cst.Name):
        return numbers.get(node.value)
    if isinstance(node, cst.BinaryOperation):
        left, right = _number(node.left, numbers), _number(node.right, numbers)
        if left is None or right is None or max(abs(left), abs(right)) > 10**9:
            return None
        if isinstance(node.operator, cst.Add):
            return left + right
        if isinstance(node.operator, cst.Subtract):
            return left - right
        if isinstance(node.operator, cst.Multiply):
            return left * right
        if isinstance(node.operator, cst.FloorDivide | cst.Modulo | cst.Divide) and right:
            return left % right if isinstance(node.operator, cst.Modulo) else left // right
    return None
