"""The tools that find errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kova.domain.finding import Finding, Skipped


@dataclass(frozen=True, kw_only=True)
class AnalyzerRun:
    """What one analyser says of some files. `completed` is False when it did not finish."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    completed: bool = True


class Analyzer(Protocol):
    """One analyser, run in a process of its own and isolated from the tree's configuration."""

    @property
    def name(self) -> str:
        """The name that findings carry."""

    def handles(self, path: str) -> bool:
        """Tell whether this analyser reads such a file."""

    def analyze(self, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
        """Analyse files below a folder. It never raises for what a repository holds."""

    def analyze_text(self, path: str, content: bytes) -> AnalyzerRun:
        """Analyse one file's content as if it stood at that path."""
