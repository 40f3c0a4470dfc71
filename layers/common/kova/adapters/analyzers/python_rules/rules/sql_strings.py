"""SQL built from strings that reach execute, judged by where in the query the value stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, count, groupby, repeat
from typing import Final

from kova.adapters.analyzers.python_rules.ast_helpers import (
    argument,
    arguments,
    dotted_name,
    has_name,
    last_name,
    positional,
    text_of,
)
from kova.adapters.analyzers.python_rules.module_index import ModuleIndex
from kova.adapters.analyzers.python_rules.problem import CodeProblem

METHODS: Final = re.compile(r"(?:execute|executemany|executescript|raw|read_sql|read_sql_query)\b")
_SQL: Final = re.compile(
    r"\b(?:insert\s+(?:or\s+\w+\s+)?into|delete\s+from"
    r"|replace\s+into|merge\s+into|where\b|having\b|values\s*\()",
    re.IGNORECASE,
)
# With any text between. One expression would look for each second word from each first one.
_SQL_PAIRS: Final = [
    (re.compile(rf"\b{first}\b", re.IGNORECASE), re.compile(rf"\b{second}", re.IGNORECASE))
    for first, second in (("select", "from"), ("update", "set"))
]
# After these a value stands; anywhere else it is a name of a table or column, or a piece of SQL. In
# double quotes stands a name, unless it is compared with something (MySQL).
_VALUE: Final = re.compile(
    r"(?:[=<>]\s*|\blike\s+|\bin\s*\(\s*|\bvalues\s*\((?:[^()]*,)?\s*|\blimit\s+|\boffset\s+"
    r"|\bbetween\s+|\band\s+)(?:['\"]%?)?$|'%?$",
    re.IGNORECASE,
)
# Before one of these stands a name, as in `AND %s < ?`.
_COMPARISON: Final = re.compile(
    r"[\"`\]]?\s*(?:[=<>!]|(?:not\s+)?(?:like|in|between)\b|is\b)", re.IGNORECASE
)
_AND: Final = re.compile(r"\band\s+[\"`\[]?$", re.IGNORECASE)
# What a database says of itself is asked for by the names of tables, which nobody sends.
_CATALOGUE: Final = re.compile(
    r"\b(?:information_schema|geometry_columns)\b|\bsqlite_(?:master|schema|sequence)\b"
    r"|\b(?:from|join)\s+[\"`]?pg_\w+",
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
# Where a value is put into a text; the group is its name, or nothing.
_FIELD: Final = re.compile(r"(?<!\{)\{(\w*+)[^{}]*+\}")
_NAMED: Final = re.compile(r"%\((\w+)\)[sr]")
_PLACED: Final = re.compile(r"%(?:\(\w+\))?([sr])")
# A query is looked through at each call that sends it.
_MOST_TEXT: Final = 5_000  # Characters.
_END: Final = 1_000  # Characters of a text before a value.
_MOST_LOOKS: Final = 1_000
_DEEPEST: Final = 20
Part = str | ast.expr
Names = Mapping[str, list[ast.expr]]


def check_sql(index: ModuleIndex) -> Iterator[CodeProblem]:
    """Yield queries into which a value is written as text."""
    bindings: dict[str, Names] = {}
    for call_place in index.calls_near(METHODS):
        call, scope = call_place.call, call_place.place.scope
        if not isinstance(call.func, ast.Attribute) or not METHODS.fullmatch(call.func.attr):
            continue
        query = argument(call, 0, "query") or argument(call, 0, "sql")
        if query is None or isinstance(query, ast.Constant):
            continue
        if scope not in bindings:
            bindings[scope] = _bindings(index, scope)
        if _writes_value(query, bindings[scope]):
            yield CodeProblem(
                rule="sql-from-string",
                node=call,
                message="A value is written into the query as text: pass it as a parameter, "
                "or the one who chooses it writes the query.",
            )


def _writes_value(query: ast.expr, names: Names) -> bool:
    pieces = split_text(query, names)
    text = " ".join(part for part in pieces if isinstance(part, str))[:_MOST_TEXT]
    if not _is_sql(text) or _CATALOGUE.search(text):
        return False
    ends = [part[-_END:] if isinstance(part, str) else part for part in pieces]
    return any(
        isinstance(before, str)
        and not isinstance(part, str)
        and not _is_clean(part, names)
        and _VALUE.search(before) is not None
        and not (_AND.search(before) and isinstance(after, str) and _COMPARISON.match(after))
        for before, part, after in zip(["", *ends], pieces, [*pieces[1:], ""], strict=False)
    )


def _is_sql(text: str) -> bool:
    if _SQL.search(text):
        return True
    return any(
        (begin := first.search(text)) is not None and second.search(text, begin.end()) is not None
        for first, second in _SQL_PAIRS
    )


def split_text(node: ast.expr, names: Names) -> list[Part]:
    """Split a string expression into literal text and what is put between."""
    merged: list[Part] = []
    for is_text, parts in groupby(_split(node, names, 0, iter(range(_MOST_LOOKS))), _is_text):
        run = list(parts)
        merged += ["".join(map(str, run))] if is_text else run
    return merged


def _is_text(part: Part) -> bool:
    return isinstance(part, str)


def _bindings(index: ModuleIndex, scope: str) -> Names:
    """Return what each name of a function, or of the module, is bound to, in order."""
    bindings: dict[str, list[ast.expr]] = {}
    for place in index.places[index.ranges.get(scope, slice(None))]:
        node = place.node
        if isinstance(node, ast.Assign):
            bindings |= {
                target.id: [node.value] for target in node.targets if isinstance(target, ast.Name)
            }
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            bindings.setdefault(node.target.id, []).append(node.value)
    return bindings


def _split(node: ast.expr, names: Names, depth: int, looks: Iterator[int]) -> list[Part]:
    """Return the parts of an expression; each call takes one of the looks."""
    text = text_of(node)
    if text is not None:
        return [text[:_MOST_TEXT]]
    # A chain that long is no query a person wrote; names made of names double at each.
    if depth > _DEEPEST or next(looks, None) is None:
        return [node]
    if isinstance(node, ast.JoinedStr):
        return [piece for value in node.values for piece in _split(value, names, depth + 1, looks)]
    if isinstance(node, ast.FormattedValue):
        return _split(node.value, names, depth, looks)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [
            *_split(node.left, names, depth + 1, looks),
            *_split(node.right, names, depth + 1, looks),
        ]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        if isinstance(node.right, ast.Dict):
            return _fill_named(_split(node.left, names, depth + 1, looks), node.right)
        return _fill_positional(_split(node.left, names, depth + 1, looks), node.right)
    if isinstance(node, ast.Call):
        return _call_parts(node, names, depth, looks)
    if isinstance(node, ast.Name) and node.id in names:
        rest = {key: value for key, value in names.items() if key != node.id}
        return [
            piece for bound in names[node.id] for piece in _split(bound, rest, depth + 1, looks)
        ]
    return [node]


def _call_parts(node: ast.Call, names: Names, depth: int, looks: Iterator[int]) -> list[Part]:
    method, passed = last_name(node.func), arguments(node)
    if isinstance(node.func, ast.Attribute) and method == "format" and passed:
        return _fill_format(_split(node.func.value, names, depth + 1, looks), node)
    if method in {"text", "dedent", "strip", "lower"} and len(passed) <= 1:
        inner = passed[0] if passed else None
        if inner is None and isinstance(node.func, ast.Attribute):
            inner = node.func.value
        return _split(inner, names, depth + 1, looks) if inner is not None else [node]
    return [node]


def _fill_format(template: list[Part], call: ast.Call) -> list[Part]:
    """Put the arguments of `format` where the template names them."""
    values: dict[str, ast.expr] = {
        str(place): value for place, value in enumerate(positional(call))
    }
    values |= {
        keyword_argument.arg: keyword_argument.value
        for keyword_argument in call.keywords
        if keyword_argument.arg is not None
    }
    automatic = count()
    # A spread argument is nobody's: the call itself stands for it.
    return _fill(template, _FIELD, lambda name: values.get(name or str(next(automatic)), call))


def _fill_named(template: list[Part], mapping: ast.Dict) -> list[Part]:
    """Put a dictionary's values where `%(name)s` stands."""
    values = {text_of(key): value for key, value in zip(mapping.keys, mapping.values, strict=True)}
    return _fill(template, _NAMED, lambda name: values.get(name, mapping))


def _fill_positional(template: list[Part], value: ast.expr) -> list[Part]:
    """Put a value where `%s` stands: a tuple's elements one after the other, the last again."""
    values = value.elts if isinstance(value, ast.Tuple) else [value]
    if not values:
        return template
    following = chain(values, repeat(values[-1]))
    return _fill(template, _PLACED, lambda _: next(following))


def _fill(
    template: list[Part], field: re.Pattern[str], expression_for: Callable[[str], ast.expr]
) -> list[Part]:
    """Put an expression in place of each field, by the field's name."""
    filled: list[Part] = []
    for part in template:
        if not isinstance(part, str):
            filled.append(part)
            continue
        begin = 0
        for match in field.finditer(part):
            filled += [part[begin : match.start()], expression_for(match[1])]
            begin = match.end()
        filled.append(part[begin:])
    return filled


def _is_clean(node: ast.expr, names: Names) -> bool:
    """Tell whether an expression can only be a number, a constant or a row of placeholders."""
    if isinstance(node, ast.Name) and node.id in names:
        return all(_is_clean(bound, {}) for bound in names[node.id])
    if isinstance(node, ast.IfExp):
        return _is_clean(node.body, names) and _is_clean(node.orelse, names)
    if has_name(node):
        name = last_name(node)
        if "._meta." in dotted_name(node):
            return True  # What an ORM calls its tables and columns.
        if isinstance(node, ast.Attribute) and name in {"arg", "param", "paramstyle"}:
            return True  # How a driver writes a placeholder.
        if dotted_name(node).endswith(("datetime.min", "datetime.max")):
            return True
        return name.isupper() or bool(re.search(r"placeholder|_sql$|^sql|clause|^ph$|where", name))
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes | int | float)
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        return name in _CLEAN_CALLS or name == "join"
    if isinstance(node, ast.BinOp):
        return _is_clean(node.left, {}) and _is_clean(node.right, {})
    return False
