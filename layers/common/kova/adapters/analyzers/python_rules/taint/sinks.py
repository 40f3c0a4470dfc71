"""Which parts of a call or text decide whether harm is done."""

from __future__ import annotations

import ast

from kova.adapters.analyzers.python_rules.ast_helpers import (
    is_constant,
    keyword,
    last_name,
    positional,
    text_of,
    unstarred,
)
from kova.adapters.analyzers.python_rules.taint import model


def harmful_argument(call: ast.Call, called: str) -> ast.expr | None:
    """Return the argument with which a function of model.SINKS does harm, if it is passed."""
    plain = positional(call)
    position = model.SECOND_ARGUMENT.get(called, 0)
    argument = plain[position] if position < len(plain) else None
    return argument or keyword(call, "file") or keyword(call, "url")


def command_parts(call: ast.Call, command: ast.expr) -> list[ast.expr]:
    """Return what must not be chosen by others: a shell's text, or the program of a list."""
    takes_text = is_constant(keyword(call, "shell"), True)
    if takes_text or not isinstance(command, ast.List | ast.Tuple):
        return [command]
    parts = [unstarred(part) for part in command.elts]
    program = text_of(parts[0]) if parts else None
    is_shell = (program or "").rpartition("/")[2] in {"sh", "bash", "cmd"}
    return parts if is_shell else parts[:1]


def first_part(node: ast.expr) -> ast.expr | None:
    """Return the part with which a string expression begins, None where that is not seen."""
    while True:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            begins_with_value = (text_of(node.left) or "").startswith("%s")
            node = values[0] if begins_with_value and values else node.left
        elif isinstance(node, ast.BinOp):
            node = node.left
        elif isinstance(node, ast.JoinedStr) and node.values:
            node = node.values[0]
        elif isinstance(node, ast.FormattedValue):
            node = node.value
        elif isinstance(node, ast.Call) and last_name(node.func) == "format":
            plain = positional(node)
            template = node.func.value if isinstance(node.func, ast.Attribute) else node
            if not (text_of(template) or "{").startswith("{"):
                return template
            return plain[0] if plain else None
        else:
            return node


def has_other_type(call: ast.Call, called: str) -> bool:
    """Tell whether an answer is given a content type that is not HTML's."""
    types = [argument.value for argument in call.keywords if argument.arg in model.PAGE_TYPES]
    if called.endswith(".HttpResponse"):
        types += positional(call)[1:2]
    return any("html" not in (text_of(content_type) or "") for content_type in types)


def has_safe_loader(call: ast.Call) -> bool:
    """Tell whether a call of `yaml.load` names a loader that makes plain values only."""
    plain = positional(call)
    loader = keyword(call, "Loader") or (plain[1] if len(plain) > 1 else None)
    return loader is not None and last_name(loader) in model.SAFE_YAML
