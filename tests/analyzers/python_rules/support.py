"""What the tests of our own rules for Python share."""

from __future__ import annotations

import ast

from kova.adapters.analyzers.python_rules.__main__ import check
from kova.adapters.analyzers.python_rules.module_index import ModuleIndex, index_module


def index_text(text: str) -> ModuleIndex:
    return index_module(ast.parse(text), text)


def rules_of(text: str) -> set[str]:
    return {problem.rule for problem in check("a.py", text)}
