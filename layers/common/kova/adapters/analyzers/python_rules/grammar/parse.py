"""Source text to a tree of the standard library's `ast`, whatever Python it is written for."""

from __future__ import annotations

import ast
import warnings


def parse(text: str) -> ast.Module | None:
    """Return a module's tree, or None when it does not parse: ruff reports that.

    Raises:
        RecursionError: it nests too deeply.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of the scanned code: invalid escapes and the like.
        try:
            return ast.parse(text)
        except MemoryError as exc:  # So the parser says that its stack is full.
            raise RecursionError from exc
        except SyntaxError:
            # Newer than this interpreter, perhaps. Rare, and LibCST's import costs.
            from kova.adapters.analyzers.python_rules.grammar.statements import parse_newer

            return parse_newer(text)
