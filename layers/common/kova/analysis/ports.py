"""The tools that find errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.analysis.finding import Finding
    from kova.shared.skipped import Skipped


@dataclass(frozen=True, kw_only=True)
class AnalyzerRun:
    """The result of one analyser on some files. `completed` is False when it did not finish."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    completed: bool = True


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file's content and the path that it is to be judged at."""

    path: str
    content: bytes


class Analyzer(Protocol):
    """One analyser, run in a process of its own and isolated from the tree's configuration.

    Its findings come without scope and fingerprint (analysis/run_analyzers.py adds them), and
    without snippet unless the adapter must mask it.
    """

    @property
    def name(self) -> str:
        """The name that findings carry."""

    @property
    def identity(self) -> str:
        """Name, version and configuration: with the same one, equal files give equal findings."""

    @property
    def whole_program(self) -> bool:
        """Tell whether a file's findings also depend on other files, so that none may be kept."""

    @property
    def any_text(self) -> bool:
        """Tell whether it searches any text and knows no language, as for secrets."""

    def handles(self, path: str) -> bool:
        """Tell whether this analyser reads such a file."""

    def analyze(self, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
        """Analyse UTF-8 files below a folder. It never raises for what a repository holds."""

    def analyze_texts(self, texts: Sequence[Text]) -> list[AnalyzerRun]:
        """Analyse contents, each as if it stood alone at its path; one run a text, in order."""


class AnalysisCache(Protocol):
    """Results of analysers by content (analysis/finding_codec.py); bounded, and safe to lose."""

    async def load(self, repository_id: str, keys: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the payloads that are cached; None is one too, of a file without findings."""

    async def store(self, repository_id: str, payloads: Mapping[bytes, bytes | None]) -> None:
        """Store payloads by key."""

    async def clean(self, repository_id: str) -> None:
        """Delete what is old, and what exceeds the size limit."""
