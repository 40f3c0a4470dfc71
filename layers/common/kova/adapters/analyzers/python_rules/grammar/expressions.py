"""Expressions of LibCST's tree become those of `ast`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, TypeVar

import libcst as cst
from libcst.metadata import CodePosition, CodeRange

from kova.adapters.analyzers.python_rules.grammar.strings import StringConverter

Placed = TypeVar(
    "Placed",
    bound=ast.stmt | ast.expr | ast.arg | ast.keyword | ast.alias | ast.excepthandler | ast.pattern,
)

BINARY: Final[Mapping[str, type[ast.operator]]] = {
    "Add": ast.Add,
    "Subtract": ast.Sub,
    "Multiply": ast.Mult,
    "Divide": ast.Div,
    "FloorDivide": ast.FloorDiv,
    "Modulo": ast.Mod,
    "Power": ast.Pow,
    "LeftShift": ast.LShift,
    "RightShift": ast.RShift,
    "BitOr": ast.BitOr,
    "BitXor": ast.BitXor,
    "BitAnd": ast.BitAnd,
    "MatrixMultiply": ast.MatMult,
}
_UNARY: Final[Mapping[type[cst.BaseUnaryOp], type[ast.unaryop]]] = {
    cst.Plus: ast.UAdd,
    cst.Minus: ast.USub,
    cst.BitInvert: ast.Invert,
    cst.Not: ast.Not,
}
_COMPARISONS: Final[Mapping[type[cst.BaseCompOp], type[ast.cmpop]]] = {
    cst.Equal: ast.Eq,
    cst.NotEqual: ast.NotEq,
    cst.LessThan: ast.Lt,
    cst.LessThanEqual: ast.LtE,
    cst.GreaterThan: ast.Gt,
    cst.GreaterThanEqual: ast.GtE,
    cst.In: ast.In,
    cst.NotIn: ast.NotIn,
    cst.Is: ast.Is,
    cst.IsNot: ast.IsNot,
}
_SINGLETONS: Final[Mapping[str, bool | None]] = {"True": True, "False": False, "None": None}
_LINE: Final = re.compile(r"\r\n|\r|\n")


class ExpressionConverter:
    """Converts expressions, each with its position."""

    def __init__(
        self, module: cst.Module, text: str, places: Mapping[cst.CSTNode, CodeRange]
    ) -> None:
        self._places = places
        self._lines = _LINE.split(text)
        self._strings = StringConverter(self.convert, module.code_for_node)

    def convert(self, node: cst.CSTNode) -> ast.expr:
        """Return the expression of `ast` for a node."""
        converted = self._expressions[type(node)](node)
        if hasattr(converted, "lineno"):
            return converted
        if isinstance(node, cst.Tuple | cst.GeneratorExp) and node.lpar:
            return self.locate(converted, node.lpar[-1], node.rpar[0])
        return self.locate(converted, node)

    def convert_optional(self, node: cst.CSTNode | None) -> ast.expr | None:
        """Return the converted expression, None for None."""
        return self.convert(node) if node is not None else None

    def locate(
        self, converted: Placed, first: cst.CSTNode, last: cst.CSTNode | None = None
    ) -> Placed:
        """Return the converted node with the positions of the nodes that it was made of."""
        start, end = self._places[first].start, self._places[last or first].end
        converted.lineno, converted.col_offset = start.line, self._offset(start)
        converted.end_lineno, converted.end_col_offset = end.line, self._offset(end)
        return converted

    def _offset(self, place: CodePosition) -> int:
        ahead = self._lines[place.line - 1][: place.column]
        return place.column if ahead.isascii() else len(ahead.encode())

    @cached_property
    def _expressions(self) -> Mapping[type[cst.CSTNode], Callable[[Any], ast.expr]]:
        constant, display, generated = self._constant, self._display, self._comprehension
        return {
            cst.Name: self._name,
            cst.Attribute: self._attribute,
            cst.Call: self._call,
            cst.Subscript: self._subscript,
            cst.Slice: self._slice,
            cst.Index: self._index,
            cst.BinaryOperation: self._binary,
            cst.BooleanOperation: self._boolean,
            cst.UnaryOperation: self._unary,
            cst.Comparison: self._comparison,
            cst.Lambda: self._lambda,
            cst.IfExp: self._conditional,
            cst.NamedExpr: self._walrus,
            cst.Await: lambda node: ast.Await(value=self.convert(node.expression)),
            cst.Yield: self._yield,
            cst.Integer: constant,
            cst.Float: constant,
            cst.Imaginary: constant,
            cst.Ellipsis: lambda _: ast.Constant(value=...),
            cst.SimpleString: self._strings.literal,
            cst.ConcatenatedString: self._strings.literal,
            cst.FormattedString: self._strings.literal,
            cst.TemplatedString: self._strings.literal,
            cst.Tuple: display(ast.Tuple),
            cst.List: display(ast.List),
            cst.Set: lambda node: ast.Set(elts=self._convert_all(node.elements)),
            cst.Element: lambda node: self.convert(node.value),
            cst.StarredElement: lambda node: ast.Starred(
                value=self.convert(node.value), ctx=ast.Load()
            ),
            cst.Dict: self._dict,
            cst.ListComp: generated(ast.ListComp),
            cst.SetComp: generated(ast.SetComp),
            cst.GeneratorExp: generated(ast.GeneratorExp),
            cst.DictComp: self._dict_comp,
            cst.StarredDictComp: self._starred_dict_comp,
        }

    def _convert_all(self, nodes: Iterable[cst.CSTNode]) -> list[ast.expr]:
        return [self.convert(node) for node in nodes]

    def _name(self, node: cst.Name) -> ast.expr:
        if node.value in _SINGLETONS:
            return ast.Constant(value=_SINGLETONS[node.value])
        return ast.Name(id=node.value, ctx=ast.Load())

    def _constant(self, node: cst.Integer | cst.Float | cst.Imaginary) -> ast.expr:
        try:
            return ast.Constant(value=ast.literal_eval(node.value))
        except (SyntaxError, ValueError):  # It has thousands of digits.
            return ast.Constant(value=0)

    def _attribute(self, node: cst.Attribute) -> ast.expr:
        return ast.Attribute(value=self.convert(node.value), attr=node.attr.value, ctx=ast.Load())

    def _call(self, node: cst.Call) -> ast.expr:
        args, keywords = self.arguments(node.args)
        alone = node.args[0].value if len(node.args) == 1 else None
        if isinstance(alone, cst.GeneratorExp) and not alone.lpar:  # It has the call's parentheses.
            self.locate(args[0], node)
            opening = self._places[node.whitespace_after_func].end
            args[0].lineno, args[0].col_offset = opening.line, self._offset(opening)
        return ast.Call(func=self.convert(node.func), args=args, keywords=keywords)

    def arguments(self, nodes: Sequence[cst.Arg]) -> tuple[list[ast.expr], list[ast.keyword]]:
        """Return the arguments of a call or class."""
        args: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        for node in nodes:
            value = self.convert(node.value)
            if node.star == "*":
                args.append(self.locate(ast.Starred(value=value, ctx=ast.Load()), node))
            elif node.star or node.keyword is not None:
                name = node.keyword.value if node.keyword is not None else None
                keywords.append(self.locate(ast.keyword(arg=name, value=value), node))
            else:
                args.append(value)
        return args, keywords

    def _subscript(self, node: cst.Subscript) -> ast.expr:
        first, last = node.slice[0], node.slice[-1]
        comma = last.comma if isinstance(last.comma, cst.Comma) else None
        starred = isinstance(first.slice, cst.Index) and first.slice.star
        if len(node.slice) == 1 and comma is None and not starred:
            index = self.convert(first.slice)
        else:
            elements = self._convert_all(part.slice for part in node.slice)
            index = self.locate(ast.Tuple(elts=elements, ctx=ast.Load()), first, last)
            if comma is not None:
                index.end_col_offset = self._offset(self._places[comma.whitespace_after].start)
        return ast.Subscript(value=self.convert(node.value), slice=index, ctx=ast.Load())

    def _index(self, node: cst.Index) -> ast.expr:
        value = self.convert(node.value)
        return ast.Starred(value=value, ctx=ast.Load()) if node.star else value

    def _slice(self, node: cst.Slice) -> ast.expr:
        lower, upper, step = map(self.convert_optional, (node.lower, node.upper, node.step))
        return ast.Slice(lower=lower, upper=upper, step=step)

    def _binary(self, node: cst.BinaryOperation) -> ast.expr:
        operator = BINARY[type(node.operator).__name__]
        return ast.BinOp(
            left=self.convert(node.left), op=operator(), right=self.convert(node.right)
        )

    def _boolean(self, node: cst.BooleanOperation) -> ast.expr:
        kind = type(node.operator)
        values = [node.right]
        operand = node.left
        while isinstance(operand, cst.BooleanOperation) and type(operand.operator) is kind:
            if operand.lpar:
                break
            values.append(operand.right)
            operand = operand.left
        operator = ast.And() if kind is cst.And else ast.Or()
        return ast.BoolOp(op=operator, values=self._convert_all([operand, *reversed(values)]))

    def _unary(self, node: cst.UnaryOperation) -> ast.expr:
        return ast.UnaryOp(op=_UNARY[type(node.operator)](), operand=self.convert(node.expression))

    def _comparison(self, node: cst.Comparison) -> ast.expr:
        return ast.Compare(
            left=self.convert(node.left),
            ops=[_COMPARISONS[type(comparison.operator)]() for comparison in node.comparisons],
            comparators=self._convert_all(comparison.comparator for comparison in node.comparisons),
        )

    def _lambda(self, node: cst.Lambda) -> ast.expr:
        return ast.Lambda(args=self.parameters(node.params), body=self.convert(node.body))

    def parameters(self, node: cst.Parameters) -> ast.arguments:
        """Return the parameters of a function."""
        plain = [*node.posonly_params, *node.params]
        star = node.star_arg
        return ast.arguments(
            posonlyargs=[self._param(parameter) for parameter in node.posonly_params],
            args=[self._param(parameter) for parameter in node.params],
            vararg=self._param(star) if isinstance(star, cst.Param) else None,
            kwonlyargs=[self._param(parameter) for parameter in node.kwonly_params],
            kw_defaults=[
                self.convert_optional(parameter.default) for parameter in node.kwonly_params
            ],
            kwarg=self._param(node.star_kwarg) if node.star_kwarg is not None else None,
            defaults=[
                self.convert(parameter.default)
                for parameter in plain
                if parameter.default is not None
            ],
        )

    def _param(self, node: cst.Param) -> ast.arg:
        annotated = node.annotation
        annotation = self.convert(annotated.annotation) if annotated is not None else None
        return self.locate(
            ast.arg(arg=node.name.value, annotation=annotation), node.name, annotated
        )

    def _conditional(self, node: cst.IfExp) -> ast.expr:
        test, body, orelse = map(self.convert, (node.test, node.body, node.orelse))
        return ast.IfExp(test=test, body=body, orelse=orelse)

    def _walrus(self, node: cst.NamedExpr) -> ast.expr:
        target = as_target(self.convert(node.target))
        assert isinstance(target, ast.Name)
        return ast.NamedExpr(target=target, value=self.convert(node.value))

    def _yield(self, node: cst.Yield) -> ast.expr:
        if isinstance(node.value, cst.From):
            return ast.YieldFrom(value=self.convert(node.value.item))
        return ast.Yield(value=self.convert_optional(node.value))

    def _display(
        self, kind: type[ast.Tuple | ast.List]
    ) -> Callable[[cst.Tuple | cst.List], ast.expr]:
        return lambda node: kind(elts=self._convert_all(node.elements), ctx=ast.Load())

    def _dict(self, node: cst.Dict) -> ast.expr:
        return ast.Dict(
            keys=[
                self.convert(part.key) if isinstance(part, cst.DictElement) else None
                for part in node.elements
            ],
            values=self._convert_all(part.value for part in node.elements),
        )

    def _comprehension(
        self, kind: type[ast.ListComp | ast.SetComp | ast.GeneratorExp]
    ) -> Callable[[cst.BaseSimpleComp], ast.expr]:
        return lambda node: kind(
            elt=self.convert(node.elt), generators=self._generators(node.for_in)
        )

    def _dict_comp(self, node: cst.DictComp) -> ast.expr:
        key, value = self.convert(node.key), self.convert(node.value)
        return ast.DictComp(key=key, value=value, generators=self._generators(node.for_in))

    def _starred_dict_comp(self, node: cst.StarredDictComp) -> ast.expr:
        # As Python 3.15 has it, without a value; the stubs are of older ones.
        value: Any = None
        key = self.convert(node.value)
        return ast.DictComp(key=key, value=value, generators=self._generators(node.for_in))

    def _generators(self, node: cst.CompFor | None) -> list[ast.comprehension]:
        generators: list[ast.comprehension] = []
        while node is not None:
            target, source = as_target(self.convert(node.target)), self.convert(node.iter)
            conditions = self._convert_all(condition.test for condition in node.ifs)
            generators.append(
                ast.comprehension(
                    target=target,
                    iter=source,
                    ifs=conditions,
                    is_async=int(node.asynchronous is not None),
                )
            )
            node = node.inner_for_in
        return generators


def as_target(node: ast.expr, context: ast.expr_context | None = None) -> ast.expr:
    """Return a target: what it names is bound, or deleted."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Starred):
        node.ctx = context or ast.Store()
    if isinstance(node, ast.Starred):
        as_target(node.value, context)
    elif isinstance(node, ast.Tuple | ast.List):
        node.ctx = context or ast.Store()
        for part in node.elts:
            as_target(part, context)
    return node
