"""Python's syntax: what a module defines and imports, in any grammar that can be read.

It is read in a child process (outline_child.py): the readers overflow on a text that nests deeply.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from kova.adapters.analyzers.python_rules.grammar.parse import parse
from kova.fixes.outline import Outline


def outline_python(text: str) -> Outline | None:
    """Return the outline, None when the text does not parse or nests too deeply to be walked."""
    try:
        module = parse(text)
        if module is None:
            return None
        collector = _OutlineCollector()
        collector.walk(module, "")
    except RecursionError:
        return None
    return Outline(
        definitions=collector.definitions,
        names=frozenset(_assigned(module.body)),
        imports=frozenset(collector.imports),
    )


class _OutlineCollector:
    """Walks statements only.

    No expression defines what others can import, and most of a tree is expressions.
    """

    def __init__(self) -> None:
        self.definitions: dict[str, tuple[str, ...]] = {}
        self.imports: set[str] = set()

    def walk(self, node: ast.AST, scope: str) -> None:
        """Collect from the statements right below a node, and below those."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                self.imports.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                self.imports.add("." * child.level + (child.module or ""))
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{scope}.{child.name}" if scope else child.name
                self.definitions[name] = _signature(child)
                self.walk(child, name)
            elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                self.walk(child, scope)


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[str, ...]:
    """Return a function's parameters in order, `=` after one that may be left out."""
    if isinstance(node, ast.ClassDef):
        return ()
    parameters = node.args
    plain = [*parameters.posonlyargs, *parameters.args]
    first_default = len(plain) - len(parameters.defaults)
    signature = [
        parameter.arg + "=" * (position >= first_default)
        for position, parameter in enumerate(plain)
    ]
    if parameters.posonlyargs:
        signature.insert(len(parameters.posonlyargs), "/")
    if parameters.vararg is not None or parameters.kwonlyargs:
        signature.append("*" + (parameters.vararg.arg if parameters.vararg is not None else ""))
    for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        signature.append(parameter.arg + "=" * (default is not None))
    if parameters.kwarg is not None:
        signature.append("**" + parameters.kwarg.arg)
    return tuple(signature)


def _assigned(body: Sequence[ast.stmt]) -> Iterator[str]:
    for statement in body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))
