"""SQL built from strings that reach execute, judged by where in the query the value stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import libcst as cst

from kova.adapters.analyzers.python_rules.hits import Problem
from kova.adapters.analyzers.python_rules.index import (
    Function,
    Index,
    argument,
    last_name,
    targets,
    text_of,
)

TEXT: Final = re.compile(r"\.(?:execute|executemany|executescript|raw|read_sql|read_sql_query)\(")
METHODS: Final = frozenset(
    {"execute", "executemany", "executescript", "raw", "read_sql", "read_sql_query"}
)
_SQL: Final = re.compile(
    r"\b(?:select\b.*\bfrom|insert\s+(?:or\s+\w+\s+)?into|update\b.*\bset|delete\s+from"
    r"|replace\s+into|merge\s+into|where\b|having\b|values\s*\()",
    re.IGNORECASE | re.DOTALL,
)
# After these a value stands; anywhere else it is a name of a table or column, or a piece of SQL.
_VALUE: Final = re.compile(
    r"(?:[=<>]\s*|\blike\s+|\bin\s*\(\s*|\bvalues\s*\((?:[^()]*,)?\s*|\blimit\s+|\boffset\s+"
    r"|\bbetween\s+|\band\s+)(?:['\"]%?)?$|['\"]%?$",
    re.IGNORECASE,
)
_CLEAN_CALLS: Final = frozenset(
    {
        "int",
        "float",
        "len",
        "now",
        "utcnow",
        "today",
        "time",
        "strftime",
        "isoformat",
        "bool",
        "round",
        "abs",
        "quote",
        "escape",
        "quote_name",
        "quote_ident",
        "literal",
        "Identifier",
        "Literal",
        "adapt",
        "escape_string",
        "mogrify",
        "sql_quote",
    }
)
Part = str | cst.BaseExpression


def check_sql(index: Index) -> Iterator[Problem]:
    """Yield queries into which a value is written as text."""
    for call, scope in index.calls:
        if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in METHODS:
            continue
        query = argument(call, 0, "query") or argument(call, 0, "sql")
        if query is None:
            continue
        found = parts(query, index.functions.get(scope), index)
        if not _SQL.search(" ".join(part for part in found if isinstance(part, str))):
            continue
        names = _bindings(index.functions.get(scope), index)
        for before, part in zip(["", *found], found, strict=False):
            if isinstance(part, str) or not isinstance(before, str) or _is_clean(part, names):
                continue
            if _VALUE.search(before):
                yield Problem(
                    rule="sql-from-string",
                    node=call,
                    message="A value is written into the query as text: pass it as a parameter, "
                    "or the one who chooses it writes the query.",
                )
                break


def parts(node: cst.BaseExpression, function: Function | None, index: Index) -> list[Part]:
    """Split a string expression into literal text and what is put between."""
    found = _parts(node, _bindings(function, index), 0)
    merged: list[Part] = []
    for part in found:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def _bindings(function: Function | None, index: Index) -> dict[str, list[cst.BaseExpression]]:
    """Return what each name of a function is bound to, in order."""
    found: dict[str, list[cst.BaseExpression]] = {}

    class Binds(cst.CSTVisitor):
        def visit_Assign(self, node: cst.Assign) -> None:  # noqa: N802
            for target in targets(node):
                if isinstance(target, cst.Name):
                    found[target.value] = [node.value]

        def visit_AugAssign(self, node: cst.AugAssign) -> None:  # noqa: N802
            if isinstance(node.target, cst.Name):
                found.setdefault(node.target.value, []).append(node.value)

    (function or index.module).visit(Binds())
    return found


def _parts(
    node: cst.BaseExpression, names: dict[str, list[cst.BaseExpression]], depth: int
) -> list[Part]:
    text = text_of(node)
    if text is not None:
        return [text]
    if depth > 20:  # noqa: PLR2004 (a chain that long is no query a person wrote)
        return [node]
    if isinstance(node, cst.FormattedString):
        return [
            piece
            for one in node.parts
            for piece in (
                [one.value]
                if isinstance(one, cst.FormattedStringText)
                else _parts(one.expression, names, depth + 1)
                if isinstance(one, cst.FormattedStringExpression)
                else []
            )
        ]
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        return [*_parts(node.left, names, depth + 1), *_parts(node.right, names, depth + 1)]
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo):
        return _filled(_parts(node.left, names, depth + 1), r"%(?:\(\w+\))?[sr]", node.right)
    if isinstance(node, cst.Call):
        return _call_parts(node, names, depth)
    if isinstance(node, cst.Name) and node.value in names:
        bound = names[node.value]
        rest = {key: value for key, value in names.items() if key != node.value}
        return [piece for one in bound for piece in _parts(one, rest, depth + 1)]
    return [node]


def _call_parts(
    node: cst.Call, names: dict[str, list[cst.BaseExpression]], depth: int
) -> list[Part]:
    method = last_name(node.func)
    if isinstance(node.func, cst.Attribute) and method == "format" and node.args:
        return _filled(_parts(node.func.value, names, depth + 1), r"\{\w*\}", node.args[0].value)
    if method in {"text", "dedent", "strip", "lower"} and len(node.args) <= 1:
        inner = node.args[0].value if node.args else None
        if inner is None and isinstance(node.func, cst.Attribute):
            inner = node.func.value
        return _parts(inner, names, depth + 1) if inner is not None else [node]
    return [node]


def _filled(template: list[Part], placeholder: str, value: cst.BaseExpression) -> list[Part]:
    """Put a value in place of each placeholder: a tuple's elements one after the other."""
    values = (
        [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value]
    )
    found: list[Part] = []
    position = 0
    for part in template:
        if not isinstance(part, str):
            found.append(part)
            continue
        pieces = re.split(placeholder, part)
        for piece in pieces[:-1]:
            found += [piece, values[min(position, len(values) - 1)]] if values else [piece]
            position += 1
        found.append(pieces[-1])
    return found


def _is_clean(
    node: cst.BaseExpression, names: dict[str, list[cst.BaseExpression]] | None = None
) -> bool:
    """Tell whether an expression can only be a number, a constant or a row of placeholders."""
    if isinstance(node, cst.Integer | cst.Float | cst.SimpleString):
        return True
    if isinstance(node, cst.Name) and names and node.value in names:
        return all(_is_clean(bound) for bound in names[node.value])
    if isinstance(node, cst.Name | cst.Attribute):
        name = last_name(node)
        return name.isupper() or bool(re.search(r"placeholder|_sql$|^sql|clause|^ph$|where", name))
    if isinstance(node, cst.Call):
        name = last_name(node.func)
        return name in _CLEAN_CALLS or name == "join"
    if isinstance(node, cst.BinaryOperation):
        return _is_clean(node.left) and _is_clean(node.right)
    return False
