"""Ruff as an analyser: isolated from the tree's configuration, JSON in, findings out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.ground import Ground
from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.ruff_context import CHECKED, Report, is_meant
from kova.adapters.analyzers.ruff_source import Source
from kova.adapters.analyzers.rules.ruff import RULES
from kova.analysis.finding import Finding, ProposedEdit, Span, TextEdit
from kova.analysis.rule import Rule
from kova.shared.text import clean

_SUFFIXES: Final = frozenset({".py", ".pyi", ".pyw"})
# The newest grammar: a target that is too low invents syntax errors.
_TARGET: Final = "py314"
_MANY: Final = 6  # Undefined names of a file that is not run as a module.
# Told once a file for each name: every use has the same cause, and the same cure.
_ONCE: Final = frozenset({"F821", "NPY002"})
_SYNTAX: Final = "invalid-syntax"  # Not selected: ruff always tells it.
RULES.require("ruff", {*_ONCE, _SYNTAX})
RULES.require("ruff_context", CHECKED)


class RuffAnalyzer(ProgramAnalyzer):
    """Python."""

    name = "ruff"
    program = "ruff"
    catalogue = RULES

    def handles(self, path: str) -> bool:
        """Tell whether it is Python."""
        return PurePosixPath(path).suffix in _SUFFIXES

    def options(self, ground: Ground) -> Sequence[str]:
        """Nothing of the tree counts: no configuration, no ignore file, no comment."""
        del ground
        rules = ",".join(sorted(rule for rule in RULES if rule != _SYNTAX))
        return (
            *("check", "--isolated", "--no-cache", "--quiet", "--ignore-noqa"),
            *("--no-respect-gitignore", "--target-version", _TARGET),
            *("--select", rules, "--output-format", "json"),
        )

    def read(self, done: Completed, ground: Ground) -> list[Finding]:
        """Read ruff's JSON."""
        entries = parse(done.output)
        uses = Counter((entry["filename"], entry["message"]) for entry in entries)
        unknown = Counter(entry["filename"] for entry in entries if entry["code"] == "F821")
        returning = {entry["filename"] for entry in entries if entry["code"] == "F706"}
        sources = {name: Source(ground, ground.path(name)) for name, _ in uses}
        found: list[Finding] = []
        for entry in _unique(entries):
            rule, name = RULES.weigh(entry["code"] or _SYNTAX), entry["filename"]
            report = Report(
                rule=rule.id,
                message=str(entry["message"]),
                row=int(entry["location"]["row"]),
                column=int(entry["location"]["column"]),
                end=int(entry["end_location"]["row"]),
                mended=entry["fix"] is not None,
                source=sources[name],
                uses=uses[name, entry["message"]],
                given=unknown[name] >= _MANY or (name in returning and sources[name].loaded),
            )
            if is_meant(report):
                rule = rule.milder()
            found.append(self._finding(rule, entry, sources[name].path))
        return found

    def _finding(self, rule: Rule, entry: dict[str, Any], path: str) -> Finding:
        return self.finding(
            rule,
            path=path,
            span=_span(entry),
            message=entry["message"],
            help_url=entry["url"],
            edit=_edit(entry["fix"]),
        )


def _unique(entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Keep the first of entries with one cause: what follows is its echo."""
    told = set[tuple[str, str]]()
    for entry in entries:
        cause = _cause(entry)
        if cause is None:
            yield entry
        elif (entry["filename"], cause) not in told:
            told.add((entry["filename"], cause))
            yield entry


def _cause(entry: dict[str, Any]) -> str | None:
    """Name what an entry shares with others of its file: a syntax error, a string, a name."""
    if entry["code"] in (None, _SYNTAX):
        return _SYNTAX
    if entry["code"] == "W605" and entry["fix"]:
        return repr(entry["fix"]["edits"])
    return str(entry["message"]) if entry["code"] in _ONCE else None


def _span(entry: dict[str, Any]) -> Span:
    start, end = entry["location"], entry["end_location"]
    return Span(
        start_line=max(int(start["row"]), 1),
        start_column=max(int(start["column"]), 1),
        end_line=max(int(end["row"]), 1),
        end_column=max(int(end["column"]), 1),
    )


def _edit(fix: dict[str, Any] | None) -> ProposedEdit | None:
    if fix is None or fix["applicability"] not in {"safe", "unsafe"}:
        return None
    edits = tuple(TextEdit(span=_span(one), content=one["content"]) for one in fix["edits"])
    return ProposedEdit(
        edits=edits, safe=fix["applicability"] == "safe", description=clean(fix["message"] or "")
    )
