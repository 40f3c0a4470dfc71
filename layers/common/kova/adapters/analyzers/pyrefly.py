"""Pyrefly as an analyser: Python's names and calls across files. Optional, whole program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.process import Completed, ProcessLimits
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.rules.tools import PYREFLY
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Finding, Span, Tier

# Without this line pyrefly runs the interpreter that the tree's own pyproject.toml names.
_CONFIG: Final = b"""skip-interpreter-query = true
python-version = "3.14"
use-ignore-files = false
enabled-ignores = []
"""
_SUFFIXES: Final = frozenset({".py", ".pyi"})
_LIMITS: Final = ProcessLimits(memory=1024**3, shares_memory=False, output=64 * 1024**2)
"""It holds a whole program, and cannot be run on a half of it."""


class PyreflyAnalyzer(ProgramAnalyzer):
    """Python as a whole; only what a missing dependency cannot cause is told."""

    name = "pyrefly"
    program = "pyrefly"
    catalogue = PYREFLY
    optional = True
    private = True
    whole_program = True

    def __init__(self, program: Path, limits: ProcessLimits = _LIMITS) -> None:
        super().__init__(program, limits)

    def handles(self, path: str) -> bool:
        """Tell whether it is Python."""
        return PurePosixPath(path).suffix in _SUFFIXES

    def own_files(self) -> Mapping[str, bytes]:
        """Our configuration in place of the tree's."""
        return {"pyrefly.toml": _CONFIG}

    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """The rules that are shown; the rest is not computed for output."""
        config = workspace.folder.parent / "pyrefly.toml"
        kinds = ",".join(rule for rule, row in PYREFLY.items() if row.tier is not Tier.HYGIENE)
        return (
            *("check", "--config", str(config) if workspace.folder.name else "pyrefly.toml"),
            *("--output-format", "json", "--summary=none", "--progress-bar", "no"),
            *("--search-path", ".", "--only", kinds, "--threads", "1"),
        )

    def targets(self, batch: Sequence[str]) -> Sequence[str]:
        """Everything that was copied: the list may be longer than a command line."""
        del batch
        return ["--", "./**/*.py", "./**/*.pyi"]

    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Read pyrefly's JSON."""
        return [
            self._finding(diagnostic, workspace) for diagnostic in parse(completed.output)["errors"]
        ]

    def _finding(self, diagnostic: dict[str, Any], workspace: ToolWorkspace) -> Finding:
        return self.finding(
            PYREFLY.weigh(diagnostic["name"]),
            path=workspace.path(diagnostic["path"]),
            span=Span(
                start_line=diagnostic["line"],
                start_column=diagnostic["column"],
                end_line=diagnostic["stop_line"],
                end_column=diagnostic["stop_column"],
            ),
            message=diagnostic["concise_description"],
            help_url=f"https://pyrefly.org/en/docs/error-kinds/#{diagnostic['name']}",
        )
