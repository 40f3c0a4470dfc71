"""What a module holds: imports, functions, calls, and the dotted names of expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Final

import libcst as cst

Function = cst.FunctionDef


@dataclass(kw_only=True)
class Index:
    """One walk over a module.

    Attributes:
        module: the tree.
        imports: dotted name by local name (`{"md5": "hashlib.md5", "np": "numpy"}`).
        functions: functions and methods by qualified name.
        classes: the class around each function, by the function's qualified name.
        calls: every call with the qualified name of the function around it.
    """

    module: cst.Module
    imports: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[cst.Call, str]] = field(default_factory=list)
    assigns: list[tuple[cst.Assign | cst.AnnAssign, str]] = field(default_factory=list)

    def name(self, node: cst.CSTNode) -> str:
        """Return the dotted name of an expression with imports resolved, empty if it has none."""
        dotted = dotted_name(node)
        first, _, rest = dotted.partition(".")
        origin = self.imports.get(first, first)
        return f"{origin}.{rest}" if rest else origin

    def called(self, call: cst.Call) -> str:
        """Return the dotted name of what is called."""
        return self.name(call.func)


# How a program is laid out and punctuated says nothing to a rule, and is two thirds of a tree.
_LAYOUT: Final = re.compile(
    r"whitespace|^(?:lpar|rpar|lbrace|rbrace|lbracket|rbracket|comma|semicolon|colon|dot|equal|header"
    r"|footer|newline|indent|leading_lines|lines_after\w*|first_line|empty_lines|asynchronous"
    r"|operator|encoding|default_\w+|has_trailing_newline|start|end|prefix|star|bar|type_parameters)$"
)


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if not _LAYOUT.search(one.name))


def parts_of(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the nodes right below that mean something; `node.children` is ten times slower."""
    for name in _fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, tuple | list):
            for one in value:
                if isinstance(one, cst.CSTNode):
                    yield one


def holds(node: cst.CSTNode, wanted: cst.CSTNode) -> bool:
    """Tell whether a node is in another, or is it."""
    return node is wanted or any(holds(child, wanted) for child in parts_of(node))


def dotted_name(node: cst.CSTNode) -> str:
    """Return `a.b.c` for names and attributes; a part that is neither is left out as `?`."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if isinstance(node, cst.Name):
        parts.append(node.value)
    elif parts:
        parts.append("?")
    return ".".join(reversed(parts))


def last_name(node: cst.CSTNode) -> str:
    """Return the last part of a name or attribute, empty for anything else."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def index_module(module: cst.Module) -> Index:
    """Walk a module once.

    Raises:
        RecursionError: it nests too deeply.
    """
    index = Index(module=module)
    _walk(index, module, "", "")
    return index


def _walk(index: Index, node: cst.CSTNode, scope: str, around: str) -> None:
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        name = f"{scope}.{node.name.value}" if scope else node.name.value
        if isinstance(node, cst.FunctionDef):
            index.functions[name] = node
            index.classes[name] = around
        else:
            around = name
        scope = name
    elif isinstance(node, cst.Call):
        index.calls.append((node, scope))
    elif isinstance(node, cst.Assign | cst.AnnAssign):
        index.assigns.append((node, scope))
    elif isinstance(node, cst.Import | cst.ImportFrom):
        index.imports.update(_imports(node))
        return
    for child in parts_of(node):
        _walk(index, child, scope, around)


def _imports(node: cst.Import | cst.ImportFrom) -> Iterator[tuple[str, str]]:
    if isinstance(node, cst.Import):
        for alias in node.names:
            local = alias.evaluated_alias
            yield (
                local or alias.evaluated_name.split(".")[0],
                (alias.evaluated_name if local else alias.evaluated_name.split(".")[0]),
            )
        return
    if isinstance(node.names, cst.ImportStar):
        return
    origin = "." * len(node.relative) + (dotted_name(node.module) if node.module else "")
    for alias in node.names:
        yield alias.evaluated_alias or alias.evaluated_name, f"{origin}.{alias.evaluated_name}"


def keyword(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """Return a keyword argument's value."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == name:
            return arg.value
    return None


def positional(call: cst.Call) -> list[cst.BaseExpression]:
    """Return the positional arguments before any starred one."""
    found: list[cst.BaseExpression] = []
    for arg in call.args:
        if arg.star:
            break
        if arg.keyword is None:
            found.append(arg.value)
    return found


def argument(call: cst.Call, position: int, name: str) -> cst.BaseExpression | None:
    """Return an argument by place or by name."""
    given = positional(call)
    return given[position] if position < len(given) else keyword(call, name)


def has_spread(call: cst.Call) -> bool:
    """Tell whether `**kwargs` may bring any argument."""
    return any(arg.star == "**" for arg in call.args)


def is_constant(node: cst.CSTNode | None, name: str) -> bool:
    """Tell whether an expression is True, False or None by that name."""
    return isinstance(node, cst.Name) and node.value == name


def text_of(node: cst.CSTNode) -> str | None:
    """Return a string literal's value."""
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        if isinstance(value, bytes):
            return value.decode("latin-1")
        return value
    return None


def targets(node: cst.Assign | cst.AnnAssign) -> Sequence[cst.BaseExpression]:
    """Return what an assignment binds."""
    if isinstance(node, cst.Assign):
        return [target.target for target in node.targets]
    return [node.target]
