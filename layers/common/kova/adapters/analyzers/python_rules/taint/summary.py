"""What a function does with its parameters, so that each call of it need not be followed."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from kova.adapters.analyzers.python_rules.taint.taint import UNTAINTED, Taint


@dataclass(kw_only=True)
class Summary:
    """What a function returns and harms; the sources `param:x` stand for its parameters."""

    returns: Taint = UNTAINTED
    sinks: dict[tuple[str, str, ast.stmt | ast.expr], None] = field(default_factory=dict)
    """A parameter's source, the kind of harm that it reaches, and the node that does it.

    In order, each once; of hundreds the first.
    """
