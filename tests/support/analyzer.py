"""An analyser in this process: it flags `BAD(x)`, and its edit takes the `BAD` away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kova.analysis.finding import Finding, ProposedEdit, Span, TextEdit
from kova.analysis.ports import AnalyzerRun, Text
from kova.shared.skipped import Skipped
from tests.support.findings import findings_of

_MARK = re.compile(r"BAD(?:\[\w+\])?")


@dataclass(kw_only=True)
class MarkAnalyzer:
    """Implements analysis.ports.Analyzer by the rules of tests/support/findings.py.

    Attributes:
        safe: what it says about its edits; None for findings without an edit.
        skips: why it leaves files out, by path.
        completed: whether it ends well.
        runs: the paths of each run over a folder.
    """

    name: str = "tool"
    version: str = "1"
    suffix: str = ".py"
    rules: Sequence[str] = ("R1", "R2")
    whole_program: bool = False
    any_text: bool = False
    safe: bool | None = True
    skips: dict[str, str] = field(default_factory=dict)
    completed: bool = True
    runs: list[list[str]] = field(default_factory=list)

    @property
    def identity(self) -> str:
        return f"{self.name} {self.version}"

    def handles(self, path: str) -> bool:
        return path.endswith(self.suffix)

    def analyze(self, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
        self.runs.append(list(paths))
        texts = [Text(path=path, content=(folder / path).read_bytes()) for path in paths]
        parts = self._analyze(texts)
        return AnalyzerRun(
            findings=tuple(finding for part in parts for finding in part.findings),
            skipped=tuple(skip for part in parts for skip in part.skipped),
            completed=self.completed,
        )

    def analyze_texts(self, texts: Sequence[Text]) -> list[AnalyzerRun]:
        return self._analyze(texts)

    def _analyze(self, texts: Sequence[Text]) -> list[AnalyzerRun]:
        return [self._analyze_text(text) for text in texts]

    def _analyze_text(self, text: Text) -> AnalyzerRun:
        if reason := self.skips.get(text.path):
            skip = Skipped(path=text.path, reason=reason)
            return AnalyzerRun(findings=(), skipped=(skip,), completed=self.completed)
        content = text.content.decode()
        findings = findings_of(text.path, content, self.rules)
        lines = content.split("\n")
        with_edits = [
            replace(finding, analyzer=self.name, edit=self._edit(finding, lines))
            for finding in findings
        ]
        return AnalyzerRun(findings=tuple(with_edits), completed=self.completed)

    def _edit(self, finding: Finding, lines: Sequence[str]) -> ProposedEdit | None:
        if self.safe is None:
            return None
        span = finding.span
        mark = _MARK.match(lines[span.start_line - 1], span.start_column - 1)
        assert mark is not None
        marked = Span(
            start_line=span.start_line,
            start_column=span.start_column,
            end_line=span.start_line,
            end_column=mark.end() + 1,
        )
        edit = TextEdit(span=marked, content="")
        return ProposedEdit(edits=(edit,), safe=self.safe, description="Take the mark away.")
