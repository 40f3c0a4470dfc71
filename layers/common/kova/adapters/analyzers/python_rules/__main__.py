"""The child process: parse a file, run the families of rules that its text may concern."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from kova.adapters.analyzers.child import Hit, serve
from kova.adapters.analyzers.python_rules import flow_tables, purpose, requests, sql
from kova.adapters.analyzers.python_rules.flow import check_flow
from kova.adapters.analyzers.python_rules.hits import Problem
from kova.adapters.analyzers.python_rules.index import Index, index_module

Family = tuple[Callable[[str], object], Callable[[Index], Iterable[Problem]]]


def _may_flow(text: str) -> bool:
    sources = flow_tables.SOURCES_TEXT.search(text) and flow_tables.SINKS_TEXT.search(text)
    weak = flow_tables.WEAK_TEXT.search(text) and purpose.SECRET_TEXT.search(text)
    return bool(sources or weak)


FAMILIES: Final[tuple[Family, ...]] = (
    (purpose.TEXT.search, purpose.check_hashes),
    (requests.TEXT.search, requests.check_requests),
    (sql.TEXT.search, sql.check_sql),
    (_may_flow, check_flow),
)


def may_match(text: str) -> bool:
    """Tell whether a file holds any word that a rule looks for."""
    return any(looks(text) for looks, _ in FAMILIES)


def check(path: str, text: str) -> Iterator[Hit]:
    """Yield the problems of a file; one that does not parse is ruff's to tell."""
    del path
    chosen = [rules for looks, rules in FAMILIES if looks(text)]
    if not chosen:
        return
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError:
        return
    index = index_module(module)
    problems = _without_echo([one for rules in chosen for one in rules(index)])
    if not problems:
        return
    places = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    for one in problems:
        place = places[one.node]
        yield Hit(
            rule=one.rule,
            start=(place.start.line, place.start.column + 1),
            end=(place.end.line, place.end.column + 1),
            message=one.message,
        )


def _without_echo(problems: list[Problem]) -> list[Problem]:
    """Drop what a surer rule says of the same place."""
    proved = {id(one.node) for one in problems if one.rule == "sql-injection"}
    return [one for one in problems if one.rule != "sql-from-string" or id(one.node) not in proved]


def main() -> None:
    """Serve the parent."""
    serve(check)


if __name__ == "__main__":
    main()
