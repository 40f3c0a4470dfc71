"""The child process: parse a file, run the families of rules that its text may concern."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from kova.adapters.analyzers.python_rules import prefilter
from kova.adapters.analyzers.python_rules.grammar.parse import parse
from kova.adapters.analyzers.python_rules.module_index import ModuleIndex, index_module
from kova.adapters.analyzers.python_rules.problem import CodeProblem
from kova.adapters.analyzers.python_rules.rules.http_clients import check_requests
from kova.adapters.analyzers.python_rules.rules.insecure_flags import check_flags
from kova.adapters.analyzers.python_rules.rules.sql_strings import check_sql
from kova.adapters.analyzers.python_rules.rules.weak_hashes import check_hashes
from kova.adapters.analyzers.python_rules.taint.module_analysis import check_taint
from kova.adapters.analyzers.serving import Hit, serve

Family = tuple[Callable[[bytes], bool], Callable[[ModuleIndex], Iterable[CodeProblem]]]

FAMILIES: Final[tuple[Family, ...]] = (
    (prefilter.may_hash, check_hashes),
    (prefilter.may_request, check_requests),
    (prefilter.may_query, check_sql),
    (prefilter.may_open, check_flags),
    (prefilter.may_flow, check_taint),
)


def check(path: str, text: str) -> Iterator[Hit]:
    """Yield the problems of a file, none where it does not parse: ruff reports that."""
    del path
    content = text.encode()
    families = [rules for may_find, rules in FAMILIES if may_find(content)]
    module = parse(text) if families else None
    if module is None:
        return
    index = index_module(module, text)
    for problem in _drop_echoes([problem for rules in families for problem in rules(index)]):
        node = problem.node
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        yield Hit(
            rule=problem.rule,
            start=(node.lineno, index.column(node.lineno, node.col_offset)),
            end=(node.end_lineno, index.column(node.end_lineno, node.end_col_offset)),
            message=problem.message,
        )


def _drop_echoes(problems: list[CodeProblem]) -> list[CodeProblem]:
    """Drop what a more certain rule reports at the same place."""
    proved = {id(problem.node) for problem in problems if problem.rule == "sql-injection"}
    return [
        problem
        for problem in problems
        if problem.rule != "sql-from-string" or id(problem.node) not in proved
    ]


def main() -> None:
    """Serve the parent."""
    # A tree is a million objects without a circle: looking for circles in it is wasted.
    gc.set_threshold(500_000)
    serve(check)


if __name__ == "__main__":
    main()
