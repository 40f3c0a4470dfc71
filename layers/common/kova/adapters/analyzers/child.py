"""Analysers of our own run in a child Python with the limits of any other program.

The parent sends paths, separated by NUL, on standard input; the child (serving.py) answers with
JSON. Its interpreter is isolated (`-I`): the folder it runs in is the tree's, and a module there
must not be imported in place of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from kova.adapters.analyzers.launching import python_command
from kova.adapters.analyzers.process import Completed, ProcessLimits
from kova.adapters.analyzers.program import PassedOverError, ProgramAnalyzer, parse
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Finding, Span
from kova.analysis.ports import AnalyzerRun


class ChildAnalyzer(ProgramAnalyzer):
    """An analyser whose program is a module of ours."""

    found_statuses = frozenset({0})
    module: ClassVar[str]

    def __init__(self, limits: ProcessLimits | None = None) -> None:
        super().__init__(Path(sys.executable), limits)

    @property
    def launch(self) -> Sequence[str]:
        """The child of the module."""
        return python_command(self.module)

    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """None: the rules are part of the version."""
        del workspace
        return ()

    def targets(self, batch: Sequence[str]) -> Sequence[str]:
        """Paths go by standard input."""
        del batch
        return ()

    def stdin(self, batch: Sequence[str]) -> bytes:
        """The paths."""
        return "\0".join(batch).encode("utf-8", "surrogateescape")

    def analyze(self, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
        """Analyse those files that a cheap look does not rule out."""
        candidates = [path for path in paths if self.may_match(path, folder)]
        return super().analyze(folder, candidates) if candidates else AnalyzerRun(findings=())

    def may_match(self, path: str, folder: Path) -> bool:
        """Tell whether a file is worth a process."""
        del path, folder
        return True

    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Read the child's answer.

        Raises:
            PassedOverError: some files nest deeper than it can follow.
        """
        answer = parse(completed.output)
        findings = [self._finding(diagnostic, workspace) for diagnostic in answer["diagnostics"]]
        if answer["too_deep"]:
            raise PassedOverError(findings, frozenset(answer["read"]))
        return findings

    def _finding(self, diagnostic: dict[str, Any], workspace: ToolWorkspace) -> Finding:
        start, end = diagnostic["start"], diagnostic["end"]
        return self.finding(
            self.catalogue.weigh(diagnostic["rule"]),
            path=workspace.path(diagnostic["path"]),
            span=Span(
                start_line=start[0], start_column=start[1], end_line=end[0], end_column=end[1]
            ),
            message=diagnostic["message"],
        )
