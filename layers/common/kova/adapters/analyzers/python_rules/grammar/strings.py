"""String literals of LibCST's tree, also several in a row, become those of `ast`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import libcst as cst

Prefixed = cst.SimpleString | cst.FormattedString | cst.TemplatedString
Content = cst.BaseFormattedStringContent | cst.BaseTemplatedStringContent
Braces = cst.FormattedStringExpression | cst.TemplatedStringExpression

# Since Python 3.14.
TEMPLATE: Final[Any] = getattr(ast, "TemplateStr", None) or type(
    "TemplateStr", (ast.expr,), {"_fields": ("values",)}
)


class StringConverter:
    """Makes one literal."""

    def __init__(
        self,
        of: Callable[[cst.BaseExpression], ast.expr],
        code: Callable[[cst.CSTNode], str],
    ) -> None:
        """Take how an expression is made, and how the text of a node is had."""
        self._of = of
        self._code = code

    def literal(self, node: Prefixed | cst.ConcatenatedString) -> ast.expr:
        """Return a constant, a string with values in it, or a template."""
        rows = list(_row(node))
        plain = [_value(one) for one in rows if isinstance(one, cst.SimpleString)]
        if len(plain) == len(rows):
            kind = "u" if rows[0].prefix == "u" else None
            octets = [one for one in plain if isinstance(one, bytes)]
            whole = b"".join(octets) if octets else "".join(map(str, plain))
            return ast.Constant(value=whole, kind=kind)
        values = _merged(piece for one in rows for piece in self._pieces(one))
        template = any(isinstance(one, cst.TemplatedString) for one in rows)
        made: ast.expr = (TEMPLATE if template else ast.JoinedStr)(values=values)
        return made

    def _pieces(self, node: Prefixed) -> Iterator[str | ast.expr]:
        if isinstance(node, cst.SimpleString):
            yield str(_value(node))
        else:
            yield from self._contents(node.parts, node)

    def _contents(
        self, parts: Sequence[Content], around: cst.FormattedString | cst.TemplatedString
    ) -> Iterator[str | ast.expr]:
        for part in parts:
            if isinstance(part, cst.FormattedStringText | cst.TemplatedStringText):
                yield _unescaped(part.value, around)
            elif isinstance(part, cst.FormattedStringExpression | cst.TemplatedStringExpression):
                if part.equal is not None:
                    yield self._said(part)
                yield self._braces(part, around)

    def _said(self, part: Braces) -> str:
        """Return what `{x=}` writes before the value."""
        pieces = (part.whitespace_before_expression, part.expression, part.equal)
        return "".join(self._code(one) for one in pieces if one is not None)

    def _braces(
        self, part: Braces, around: cst.FormattedString | cst.TemplatedString
    ) -> ast.FormattedValue:
        spec = part.format_spec
        conversion = part.conversion or ("r" if part.equal is not None and spec is None else None)
        values = _merged(self._contents(spec, around)) if spec is not None else None
        return ast.FormattedValue(
            value=self._of(part.expression),
            conversion=ord(conversion) if conversion else -1,
            format_spec=ast.JoinedStr(values=values) if values is not None else None,
        )


def _row(node: Prefixed | cst.ConcatenatedString) -> Iterator[Prefixed]:
    while isinstance(node, cst.ConcatenatedString):
        yield node.left
        node = node.right
    yield node


def _value(node: cst.SimpleString) -> str | bytes:
    try:
        value = node.evaluated_value
    except SyntaxError:  # An escape that Python does not know; LibCST does not look.
        return node.raw_value.encode() if "b" in node.prefix else node.raw_value
    assert isinstance(value, str | bytes)
    return value


def _unescaped(text: str, around: cst.FormattedString | cst.TemplatedString) -> str:
    text = text.replace("{{", "{").replace("}}", "}")
    if "\\" not in text or "r" in around.prefix.lower():
        return text
    try:
        return str(ast.literal_eval(f"{around.quote}{text}{around.quote}"))
    except SyntaxError:  # A last backslash, before a brace.
        return text


def _merged(pieces: Iterable[str | ast.expr]) -> list[ast.expr]:
    """Return values with neighbouring texts in one constant."""
    found: list[ast.expr] = []
    for piece in pieces:
        last = found[-1] if found else None
        if isinstance(piece, ast.expr):
            found.append(piece)
        elif isinstance(last, ast.Constant) and isinstance(last.value, str):
            last.value += piece
        elif piece:
            found.append(ast.Constant(value=piece))
    return found
