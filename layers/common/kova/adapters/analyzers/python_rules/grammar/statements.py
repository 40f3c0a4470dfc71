"""Code in a newer grammar than the interpreter's: LibCST parses it, and its tree becomes `ast`'s.

Exact where a rule looks, positions too; patterns of `match` and type parameters, at which none
looks, are left out. The text between the braces of an f-string stands where the whole string does.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from kova.adapters.analyzers.python_rules.grammar.expressions import (
    BINARY,
    ExpressionConverter,
    as_target,
)

_TYPE_ALIAS: Final[Any] = getattr(ast, "TypeAlias", None) or type(
    "TypeAlias", (ast.stmt,), {"_fields": ("name", "type_params", "value")}
)
# A field of definitions since Python 3.12.
_NO_TYPE_PARAMS: Final[dict[str, Any]] = (
    {"type_params": []} if "type_params" in ast.ClassDef._fields else {}
)


def parse_newer(text: str) -> ast.Module | None:
    """Return a module's tree, or None when LibCST cannot read it either.

    Raises:
        RecursionError: it nests too deeply.
    """
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError:
        return None
    places = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    body = StatementConverter(module, text, places).block(module.body)
    return ast.fix_missing_locations(ast.Module(body=body, type_ignores=[]))


class StatementConverter(ExpressionConverter):
    """Converts statements."""

    def block(self, body: Sequence[cst.CSTNode]) -> list[ast.stmt]:
        """Return the statements of a block, each of a line that holds several."""
        statements: list[ast.stmt] = []
        for node in body:
            if isinstance(node, cst.SimpleStatementLine):
                statements += self.block(node.body)
            else:
                statements.append(self.locate(self._statements[type(node)](node), node))
        return statements

    @cached_property
    def _statements(self) -> Mapping[type[cst.CSTNode], Callable[[Any], ast.stmt]]:
        return {
            cst.Expr: lambda node: ast.Expr(value=self.convert(node.value)),
            cst.Assign: self._assign,
            cst.AnnAssign: self._ann_assign,
            cst.AugAssign: self._aug_assign,
            cst.Return: lambda node: ast.Return(value=self.convert_optional(node.value)),
            cst.Raise: self._raise,
            cst.Assert: self._assert,
            cst.Del: self._del,
            cst.Pass: lambda _: ast.Pass(),
            cst.Break: lambda _: ast.Break(),
            cst.Continue: lambda _: ast.Continue(),
            cst.Global: lambda node: ast.Global(names=_names(node)),
            cst.Nonlocal: lambda node: ast.Nonlocal(names=_names(node)),
            cst.Import: self._import,
            cst.ImportFrom: self._import_from,
            cst.LazyImport: self._import,
            cst.LazyImportFrom: self._import_from,
            cst.TypeAlias: self._type_alias,
            cst.If: self._if,
            cst.While: self._while,
            cst.For: self._for,
            cst.With: self._with,
            cst.Try: self._try,
            cst.TryStar: self._try,
            cst.Match: self._match,
            cst.FunctionDef: self._function,
            cst.ClassDef: self._class,
        }

    def _else(self, node: cst.Else | cst.Finally | None) -> list[ast.stmt]:
        return self.block(node.body.body) if node is not None else []

    def _assign(self, node: cst.Assign) -> ast.stmt:
        targets = [as_target(self.convert(target.target)) for target in node.targets]
        return ast.Assign(targets=targets, value=self.convert(node.value))

    def _ann_assign(self, node: cst.AnnAssign) -> ast.stmt:
        target = as_target(self.convert(node.target))
        assert isinstance(target, ast.Name | ast.Attribute | ast.Subscript)
        return ast.AnnAssign(
            target=target,
            annotation=self.convert(node.annotation.annotation),
            value=self.convert_optional(node.value),
            simple=int(isinstance(target, ast.Name) and not node.target.lpar),
        )

    def _aug_assign(self, node: cst.AugAssign) -> ast.stmt:
        target = as_target(self.convert(node.target))
        assert isinstance(target, ast.Name | ast.Attribute | ast.Subscript)
        operator = BINARY[type(node.operator).__name__.removesuffix("Assign")]
        return ast.AugAssign(target=target, op=operator(), value=self.convert(node.value))

    def _raise(self, node: cst.Raise) -> ast.stmt:
        cause = node.cause.item if node.cause is not None else None
        return ast.Raise(exc=self.convert_optional(node.exc), cause=self.convert_optional(cause))

    def _assert(self, node: cst.Assert) -> ast.stmt:
        return ast.Assert(test=self.convert(node.test), msg=self.convert_optional(node.msg))

    def _del(self, node: cst.Del) -> ast.stmt:
        target = as_target(self.convert(node.target), ast.Del())
        if isinstance(target, ast.Tuple) and not node.target.lpar:
            return ast.Delete(targets=target.elts)
        return ast.Delete(targets=[target])

    def _import(self, node: cst.Import | cst.LazyImport) -> ast.stmt:
        return ast.Import(names=[self._alias(alias) for alias in node.names])

    def _import_from(self, node: cst.ImportFrom | cst.LazyImportFrom) -> ast.stmt:
        module = ast.unparse(self.convert(node.module)) if node.module is not None else None
        if isinstance(node.names, cst.ImportStar):
            names = [self.locate(ast.alias(name="*"), node.names)]
        else:
            names = [self._alias(alias) for alias in node.names]
        return ast.ImportFrom(module=module, names=names, level=len(node.relative))

    def _alias(self, node: cst.ImportAlias) -> ast.alias:
        alias = ast.alias(name=node.evaluated_name, asname=node.evaluated_alias)
        return self.locate(alias, node.name, node.asname)

    def _type_alias(self, node: cst.TypeAlias) -> ast.stmt:
        name = as_target(self.convert(node.name))
        statement: ast.stmt = _TYPE_ALIAS(name=name, type_params=[], value=self.convert(node.value))
        return statement

    def _if(self, node: cst.If) -> ast.stmt:
        test, body = self.convert(node.test), self.block(node.body.body)
        orelse = node.orelse
        rest = self.block([orelse]) if isinstance(orelse, cst.If) else self._else(orelse)
        return ast.If(test=test, body=body, orelse=rest)

    def _while(self, node: cst.While) -> ast.stmt:
        test, body = self.convert(node.test), self.block(node.body.body)
        return ast.While(test=test, body=body, orelse=self._else(node.orelse))

    def _for(self, node: cst.For) -> ast.stmt:
        return (ast.AsyncFor if node.asynchronous else ast.For)(
            target=as_target(self.convert(node.target)),
            iter=self.convert(node.iter),
            body=self.block(node.body.body),
            orelse=self._else(node.orelse),
        )

    def _with(self, node: cst.With) -> ast.stmt:
        contexts = [
            ast.withitem(
                context_expr=self.convert(context.item),
                optional_vars=as_target(self.convert(context.asname.name))
                if context.asname is not None
                else None,
            )
            for context in node.items
        ]
        kind = ast.AsyncWith if node.asynchronous else ast.With
        return kind(items=contexts, body=self.block(node.body.body))

    def _try(self, node: cst.Try | cst.TryStar) -> ast.stmt:
        return (ast.TryStar if isinstance(node, cst.TryStar) else ast.Try)(
            body=self.block(node.body.body),
            handlers=[self._handler(handler) for handler in node.handlers],
            orelse=self._else(node.orelse),
            finalbody=self._else(node.finalbody),
        )

    def _handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> ast.ExceptHandler:
        name = ast.unparse(self.convert(node.name.name)) if node.name is not None else None
        body = self.block(node.body.body)
        return self.locate(
            ast.ExceptHandler(type=self.convert_optional(node.type), name=name, body=body), node
        )

    def _match(self, node: cst.Match) -> ast.stmt:
        cases = [
            ast.match_case(
                pattern=self.locate(ast.MatchAs(), case.pattern),
                guard=self.convert_optional(case.guard),
                body=self.block(case.body.body),
            )
            for case in node.cases
        ]
        return ast.Match(subject=self.convert(node.subject), cases=cases)

    def _function(self, node: cst.FunctionDef) -> ast.stmt:
        returns = node.returns.annotation if node.returns is not None else None
        return (ast.AsyncFunctionDef if node.asynchronous else ast.FunctionDef)(
            name=node.name.value,
            args=self.parameters(node.params),
            body=self.block(node.body.body),
            decorator_list=[self.convert(decorator.decorator) for decorator in node.decorators],
            returns=self.convert_optional(returns),
            **_NO_TYPE_PARAMS,
        )

    def _class(self, node: cst.ClassDef) -> ast.stmt:
        bases, keywords = self.arguments([*node.bases, *node.keywords])
        return ast.ClassDef(
            name=node.name.value,
            bases=bases,
            keywords=keywords,
            body=self.block(node.body.body),
            decorator_list=[self.convert(decorator.decorator) for decorator in node.decorators],
            **_NO_TYPE_PARAMS,
        )


def _names(node: cst.Global | cst.Nonlocal) -> list[str]:
    return [name_node.name.value for name_node in node.names]
