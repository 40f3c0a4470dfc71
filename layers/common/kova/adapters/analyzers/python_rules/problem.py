"""What a family of rules yields: a node and what is wrong there."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CodeProblem:
    """One problem at one statement or expression."""

    rule: str
    node: ast.stmt | ast.expr
    message: str
