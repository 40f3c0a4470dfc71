"""Ruff as an analyser: isolated from the tree's configuration, JSON in, findings out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.ruff_context import CHECKED, Report, is_likely_intended
from kova.adapters.analyzers.ruff_source import Source
from kova.adapters.analyzers.rules.ruff import RULES
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Finding, ProposedEdit, Span, TextEdit
from kova.analysis.rule import Rule
from kova.shared.text import clean

_SUFFIXES: Final = frozenset({".py", ".pyi", ".pyw"})
# The newest grammar: a target that is too low invents syntax errors.
_TARGET: Final = "py314"
_MANY: Final = 6  # Undefined names of a file that is not run as a module.
# Reported once a file for each name: every use has the same cause and the same fix.
_ONCE: Final = frozenset({"F821", "NPY002"})
_SYNTAX: Final = "invalid-syntax"  # Not selected: ruff always reports it.
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

    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """Nothing of the tree counts: no configuration, no ignore file, no comment."""
        del workspace
        rules = ",".join(sorted(rule for rule in RULES if rule != _SYNTAX))
        return (
            *("check", "--isolated", "--no-cache", "--quiet", "--ignore-noqa"),
            *("--no-respect-gitignore", "--target-version", _TARGET),
            *("--select", rules, "--output-format", "json"),
        )

    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Read ruff's JSON."""
        diagnostics = parse(completed.output)
        uses = Counter(
            (diagnostic["filename"], diagnostic["message"]) for diagnostic in diagnostics
        )
        unknown = Counter(
            diagnostic["filename"] for diagnostic in diagnostics if diagnostic["code"] == "F821"
        )
        returning = {
            diagnostic["filename"] for diagnostic in diagnostics if diagnostic["code"] == "F706"
        }
        sources = {name: Source(workspace, workspace.path(name)) for name, _ in uses}
        findings: list[Finding] = []
        for diagnostic in _drop_echoes(diagnostics):
            rule, name = RULES.weigh(diagnostic["code"] or _SYNTAX), diagnostic["filename"]
            report = Report(
                rule=rule.id,
                message=str(diagnostic["message"]),
                row=int(diagnostic["location"]["row"]),
                column=int(diagnostic["location"]["column"]),
                end=int(diagnostic["end_location"]["row"]),
                has_edit=diagnostic["fix"] is not None,
                source=sources[name],
                uses=uses[name, diagnostic["message"]],
                names_injected=unknown[name] >= _MANY
                or (name in returning and sources[name].loaded),
            )
            if is_likely_intended(report):
                rule = rule.milder()
            findings.append(self._finding(rule, diagnostic, sources[name].path))
        return findings

    def _finding(self, rule: Rule, diagnostic: dict[str, Any], path: str) -> Finding:
        return self.finding(
            rule,
            path=path,
            span=_span(diagnostic),
            message=diagnostic["message"],
            help_url=diagnostic["url"],
            edit=_edit(diagnostic["fix"]),
        )


def _drop_echoes(diagnostics: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield only the first of the diagnostics that have the same cause."""
    reported = set[tuple[str, str]]()
    for diagnostic in diagnostics:
        cause = _cause(diagnostic)
        if cause is None:
            yield diagnostic
        elif (diagnostic["filename"], cause) not in reported:
            reported.add((diagnostic["filename"], cause))
            yield diagnostic


def _cause(diagnostic: dict[str, Any]) -> str | None:
    """Return what diagnostics of one file may share: a syntax error, a string, a name."""
    if diagnostic["code"] in (None, _SYNTAX):
        return _SYNTAX
    if diagnostic["code"] == "W605" and diagnostic["fix"]:
        return repr(diagnostic["fix"]["edits"])
    return str(diagnostic["message"]) if diagnostic["code"] in _ONCE else None


def _span(diagnostic: dict[str, Any]) -> Span:
    start, end = diagnostic["location"], diagnostic["end_location"]
    return Span(
        start_line=max(int(start["row"]), 1),
        start_column=max(int(start["column"]), 1),
        end_line=max(int(end["row"]), 1),
        end_column=max(int(end["column"]), 1),
    )


def _edit(fix: dict[str, Any] | None) -> ProposedEdit | None:
    if fix is None or fix["applicability"] not in {"safe", "unsafe"}:
        return None
    edits = tuple(TextEdit(span=_span(edit), content=edit["content"]) for edit in fix["edits"])
    return ProposedEdit(
        edits=edits, safe=fix["applicability"] == "safe", description=clean(fix["message"] or "")
    )
