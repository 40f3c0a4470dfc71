"""Ruff as an analyser: isolated from the tree's configuration, JSON in, findings out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.process import Completed, ProcessLimits, run
from kova.adapters.analyzers.ruff_rules import ERROR_RULES, WARNING_RULES, weigh
from kova.domain.finding import Finding, ProposedEdit, Skipped, Span, TextEdit
from kova.domain.text import clean, shorten
from kova.ports.analyzer import AnalyzerRun

_SUFFIXES: Final = frozenset({".py", ".pyi", ".pyw"})
_BATCH: Final = 1_000  # Paths in one command line, well below the kernel's limit.
# The newest grammar: a target that is too low invents syntax errors.
_TARGET: Final = "py314"
_FOUND_STATUSES: Final = (0, 1)
_MESSAGE_LIMIT: Final = 1_000


class RuffAnalyzer:
    """Implements ports.analyzer.Analyzer with the ruff program."""

    name = "ruff"
    whole_program = False

    def __init__(self, program: Path, limits: ProcessLimits | None = None) -> None:
        """Take the program's path and the limits of one run."""
        self._limits = limits or ProcessLimits()
        rules = ",".join(sorted(ERROR_RULES | WARNING_RULES))
        self._command = (
            *(str(program), "check", "--isolated", "--no-cache", "--quiet"),
            *("--no-respect-gitignore", "--target-version", _TARGET),
            *("--select", rules, "--output-format", "json"),
        )

    def handles(self, path: str) -> bool:
        """Tell whether it is Python."""
        return PurePosixPath(path).suffix in _SUFFIXES

    @cached_property
    def identity(self) -> str:
        """Ruff's version and the options that it is called with."""
        done = run([self._command[0], "--version"], folder=Path("/"), limits=self._limits)
        options = hashlib.sha256("\x1f".join(self._command[1:]).encode()).hexdigest()[:16]
        return f"{done.output.decode('utf-8', 'replace').strip()} {options}"

    def analyze(self, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
        """Analyse files below a folder."""
        findings: list[Finding] = []
        skipped: list[Skipped] = []
        for start in range(0, len(paths), _BATCH):
            batch = paths[start : start + _BATCH]
            done = run(
                [*self._command, "--", *(f"./{name}" for name in batch)],
                folder=folder,
                limits=self._limits,
            )
            found, failure = _parse(done, folder)
            findings += found
            if failure:
                skipped += [Skipped(path=name, reason=f"ruff_{failure}") for name in batch]
        return AnalyzerRun(findings=tuple(findings), skipped=tuple(skipped), completed=not skipped)

    def analyze_text(self, path: str, content: bytes) -> AnalyzerRun:
        """Analyse one file's content from standard input."""
        folder = Path("/")
        done = run(
            [*self._command, "--stdin-filename", f"/{path}", "-"],
            folder=folder,
            limits=self._limits,
            stdin=content,
        )
        found, failure = _parse(done, folder)
        if failure:
            skipped = (Skipped(path=path, reason=f"ruff_{failure}"),)
            return AnalyzerRun(findings=(), skipped=skipped, completed=False)
        return AnalyzerRun(findings=tuple(found))


def _parse(done: Completed, folder: Path) -> tuple[list[Finding], str | None]:
    """Return findings, or why there are none to be trusted."""
    if done.reason:
        return [], done.reason
    if done.status not in _FOUND_STATUSES:
        return [], "crashed"
    try:
        entries = json.loads(done.output)
        return [_finding(entry, folder) for entry in _unique(entries)], None
    except (ValueError, KeyError, TypeError, RecursionError):
        return [], "garbled_output"


def _unique(entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Keep one syntax error a file: what follows the first one is its echo."""
    broken: set[str] = set()
    for entry in entries:
        if entry["code"] in (None, "invalid-syntax"):
            if entry["filename"] in broken:
                continue
            broken.add(entry["filename"])
        yield entry


def _finding(entry: dict[str, Any], folder: Path) -> Finding:
    rule = entry["code"] or "invalid-syntax"
    weight = weigh(rule)
    return Finding(
        analyzer=RuffAnalyzer.name,
        rule_id=rule,
        severity=weight.severity,
        tier=weight.tier,
        confidence=weight.confidence,
        category=weight.category,
        cwe=weight.cwe,
        message=shorten(clean(entry["message"]), _MESSAGE_LIMIT),
        path=_relative(entry["filename"], folder),
        span=_span(entry),
        snippet="",
        help_url=entry["url"],
        edit=_edit(entry["fix"]),
    )


def _relative(filename: str, folder: Path) -> str:
    resolved = folder.resolve()
    return Path(filename).relative_to(resolved).as_posix()


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
