"""Questions about one node of a tree: its name, its text, its arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef

# What says nothing to a rule: how a name is used, an operator, and what only type checkers read.
_SILENT: Final = frozenset({"ctx", "op", "ops", "kind", "type_comment", "type_params"})

_LONGEST: Final = 50  # Parts of a dotted name; what is longer was made to be slow.


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of a kind of node that mean something, found out once."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        self[kind] = tuple(name for name in kind._fields if name not in _SILENT)
        return self[kind]


_FIELDS: Final = _Fields()


def parts_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes right below that mean something."""
    for name in _FIELDS[type(node)]:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            yield value
        elif isinstance(value, list):
            for child in value:
                if isinstance(child, ast.AST):
                    yield child


def nodes_below(*roots: ast.AST) -> Iterator[ast.AST]:
    """Yield nodes and all that is in them, in order, without a stack of calls."""
    pending = [*reversed(roots)]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed([*parts_of(node)])


def contains(node: ast.AST, target: ast.AST) -> bool:
    """Tell whether a node is in another, or is it."""
    return any(descendant is target for descendant in nodes_below(node))


def dotted_name(node: ast.AST) -> str:
    """Return `a.b.c` for names and attributes; a part that is neither is left out as `?`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _LONGEST:
        parts.append(node.attr)
        node = node.value
    first = _own_name(node)
    if first or parts:
        parts.append(first or "?")
    return ".".join(reversed(parts))


def last_name(node: ast.AST) -> str:
    """Return the last part of a name or attribute, empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else _own_name(node)


def has_name(node: ast.AST) -> bool:
    """Tell whether an expression is a name, an attribute, or True, False or None."""
    return isinstance(node, ast.Attribute) or bool(_own_name(node))


def _own_name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool)):
        return repr(node.value)
    return ""


def is_constant(node: ast.AST | None, value: bool | None) -> bool:
    """Tell whether an expression is True, False or None."""
    return isinstance(node, ast.Constant) and node.value is value


def text_of(node: ast.AST | None) -> str | None:
    """Return a string literal's value."""
    if not isinstance(node, ast.Constant):
        return None
    if isinstance(node.value, bytes):
        return node.value.decode("latin-1")
    return node.value if isinstance(node.value, str) else None


def whole_number(node: ast.AST) -> int | None:
    """Return the value of a whole number as it stands in the text."""
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def key_of(node: ast.AST) -> str | None:
    """Return a key that is a text or a whole number, as it stands in a name."""
    text, number = text_of(node), whole_number(node)
    if text is not None:
        return repr(text)
    return None if number is None else str(number)


def unstarred(node: ast.expr) -> ast.expr:
    """Return what a star spreads, or the node itself."""
    return node.value if isinstance(node, ast.Starred) else node


def arguments(call: ast.Call) -> list[ast.expr]:
    """Return the values of all arguments."""
    return [
        *map(unstarred, call.args),
        *(keyword_argument.value for keyword_argument in call.keywords),
    ]


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return a keyword argument's value."""
    return next(
        (
            keyword_argument.value
            for keyword_argument in call.keywords
            if keyword_argument.arg == name
        ),
        None,
    )


def positional(call: ast.Call) -> list[ast.expr]:
    """Return the positional arguments before any starred one."""
    return list(takewhile(lambda node: not isinstance(node, ast.Starred), call.args))


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """Return an argument by place or by name."""
    plain = positional(call)
    return plain[position] if position < len(plain) else keyword(call, name)


def has_spread(call: ast.Call) -> bool:
    """Tell whether `**kwargs` may bring any argument."""
    return any(keyword_argument.arg is None for keyword_argument in call.keywords)


def targets(node: ast.Assign | ast.AnnAssign) -> Sequence[ast.expr]:
    """Return what an assignment binds."""
    return node.targets if isinstance(node, ast.Assign) else [node.target]
