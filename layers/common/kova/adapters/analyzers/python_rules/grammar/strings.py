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
    """Converts one literal."""

    def __init__(
        self,
        of: Callable[[cst.BaseExpression], ast.expr],
        code: Callable[[cst.CSTNode], str],
    ) -> None:
        """`of` converts an expression, `code` returns the source of a node."""
        self._of = of
        self._code = code

    def literal(self, node: Prefixed | cst.ConcatenatedString) -> ast.expr:
        """Return a constant, a string with values in it, or a template."""
        rows = list(_concatenated_parts(node))
        plain = [_evaluate(part) for part in rows if isinstance(part, cst.SimpleString)]
        if len(plain) == len(rows):
            kind = "u" if rows[0].prefix == "u" else None
            octets = [octet_string for octet_string in plain if isinstance(octet_string, bytes)]
            joined = b"".join(octets) if octets else "".join(map(str, plain))
            return ast.Constant(value=joined, kind=kind)
        values = _merge_texts(piece for part in rows for piece in self._pieces(part))
        template = any(isinstance(part, cst.TemplatedString) for part in rows)
        literal: ast.expr = (TEMPLATE if template else ast.JoinedStr)(values=values)
        return literal

    def _pieces(self, node: Prefixed) -> Iterator[str | ast.expr]:
        if isinstance(node, cst.SimpleString):
            yield str(_evaluate(node))
        else:
            yield from self._contents(node.parts, node)

    def _contents(
        self, parts: Sequence[Content], around: cst.FormattedString | cst.TemplatedString
    ) -> Iterator[str | ast.expr]:
        for part in parts:
            if isinstance(part, cst.FormattedStringText | cst.TemplatedStringText):
                yield _unescape(part.value, around)
            elif isinstance(part, cst.FormattedStringExpression | cst.TemplatedStringExpression):
                if part.equal is not None:
                    yield self._self_documented(part)
                yield self._braces(part, around)

    def _self_documented(self, part: Braces) -> str:
        """Return what `{x=}` writes before the value."""
        pieces = (part.whitespace_before_expression, part.expression, part.equal)
        return "".join(self._code(piece) for piece in pieces if piece is not None)

    def _braces(
        self, part: Braces, around: cst.FormattedString | cst.TemplatedString
    ) -> ast.FormattedValue:
        spec = part.format_spec
        conversion = part.conversion or ("r" if part.equal is not None and spec is None else None)
        values = _merge_texts(self._contents(spec, around)) if spec is not None else None
        return ast.FormattedValue(
            value=self._of(part.expression),
            conversion=ord(conversion) if conversion else -1,
            format_spec=ast.JoinedStr(values=values) if values is not None else None,
        )


def _concatenated_parts(node: Prefixed | cst.ConcatenatedString) -> Iterator[Prefixed]:
    while isinstance(node, cst.ConcatenatedString):
        yield node.left
        node = node.right
    yield node


def _evaluate(node: cst.SimpleString) -> str | bytes:
    try:
        value = node.evaluated_value
    except SyntaxError:  # An escape that Python does not know; LibCST does not look.
        return node.raw_value.encode() if "b" in node.prefix else node.raw_value
    assert isinstance(value, str | bytes)
    return value


def _unescape(text: str, around: cst.FormattedString | cst.TemplatedString) -> str:
    text = text.replace("{{", "{").replace("}}", "}")
    if "\\" not in text or "r" in around.prefix.lower():
        return text
    try:
        return str(ast.literal_eval(f"{around.quote}{text}{around.quote}"))
    except SyntaxError:  # A last backslash, before a brace.
        return text


def _merge_texts(pieces: Iterable[str | ast.expr]) -> list[ast.expr]:
    """Return values with neighbouring texts in one constant."""
    merged: list[ast.expr] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, ast.expr):
            merged.append(piece)
        elif isinstance(last, ast.Constant) and isinstance(last.value, str):
            last.value += piece
        elif piece:
            merged.append(ast.Constant(value=piece))
    return merged
