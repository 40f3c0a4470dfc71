"""Python's syntax by LibCST, whose parser is its own: newer grammar than the interpreter's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

import libcst
from libcst.helpers import get_full_name_for_node

from kova.ports.syntax import Outline

_SUFFIXES: Final = frozenset({".py", ".pyi", ".pyw"})


class PythonSyntax:
    """Implements ports.syntax.SyntaxReader."""

    def handles(self, path: str) -> bool:
        """Tell whether it is Python."""
        return PurePosixPath(path).suffix in _SUFFIXES

    def outline(self, text: str) -> Outline | None:
        """Parse and outline; None when it does not parse or nests too deeply to be walked."""
        try:
            module = libcst.parse_module(text)
            collector = _Collector()
            collector.walk(module, "")
        except (libcst.ParserSyntaxError, RecursionError):
            return None
        return Outline(
            definitions=collector.definitions,
            names=frozenset(_assigned(module.body)),
            imports=frozenset(collector.imports),
        )


class _Collector:
    """Walks statements only.

    No expression defines what others can import, and most of a tree is expressions.
    """

    def __init__(self) -> None:
        self.definitions: dict[str, tuple[str, ...]] = {}
        self.imports: set[str] = set()

    def walk(self, node: libcst.CSTNode, scope: str) -> None:
        """Collect from a block, or from a compound statement's blocks."""
        if isinstance(node, libcst.SimpleStatementLine | libcst.SimpleStatementSuite):
            for small in node.body:
                self._import(small)
        elif isinstance(node, libcst.FunctionDef | libcst.ClassDef):
            name = f"{scope}.{node.name.value}" if scope else node.name.value
            parameters = node.params if isinstance(node, libcst.FunctionDef) else None
            self.definitions[name] = _signature(parameters) if parameters else ()
            self.walk(node.body, name)
        elif isinstance(node, libcst.Module | libcst.IndentedBlock):
            for statement in node.body:
                self.walk(statement, scope)
        else:
            for child in node.children:
                if isinstance(child, _BLOCKS):
                    self.walk(child, scope)

    def _import(self, small: libcst.BaseSmallStatement) -> None:
        if isinstance(small, libcst.Import):
            self.imports.update(alias.evaluated_name for alias in small.names)
        elif isinstance(small, libcst.ImportFrom):
            module = get_full_name_for_node(small.module) if small.module else ""
            self.imports.add("." * len(small.relative) + (module or ""))


_BLOCKS: Final = (
    libcst.BaseSuite,
    libcst.BaseCompoundStatement,
    libcst.Else,
    libcst.ExceptHandler,
    libcst.ExceptStarHandler,
    libcst.Finally,
    libcst.MatchCase,
)


def _signature(parameters: libcst.Parameters) -> tuple[str, ...]:
    def named(group: Sequence[libcst.Param], mark: str = "") -> list[str]:
        return [mark + one.name.value + ("=" if one.default else "") for one in group]

    signature = named(parameters.posonly_params) + (["/"] if parameters.posonly_params else [])
    signature += named(parameters.params)
    if isinstance(parameters.star_arg, libcst.Param):
        signature.append("*" + parameters.star_arg.name.value)
    elif parameters.kwonly_params:
        signature.append("*")
    signature += named(parameters.kwonly_params)
    if parameters.star_kwarg:
        signature.append("**" + parameters.star_kwarg.name.value)
    return tuple(signature)


def _assigned(body: Sequence[libcst.BaseStatement]) -> Iterator[str]:
    for statement in body:
        if not isinstance(statement, libcst.SimpleStatementLine):
            continue
        for small in statement.body:
            targets: list[libcst.BaseExpression] = []
            if isinstance(small, libcst.Assign):
                targets = [target.target for target in small.targets]
            elif isinstance(small, libcst.AnnAssign):
                targets = [small.target]
            yield from (target.value for target in targets if isinstance(target, libcst.Name))
