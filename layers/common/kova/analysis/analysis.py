"""What the analysers report of one tree, and what they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kova.analysis.finding import Finding
from kova.shared.skipped import Skipped


@dataclass(frozen=True, kw_only=True)
class AnalyzerCoverage:
    """Where the silence of one analyser means something.

    Attributes:
        name: the analyser.
        identity: its version and configuration.
        paths: files that it read to the end; None means all of the tree.
        any_text: it looks into any text and knows no language.
    """

    name: str
    identity: str
    paths: frozenset[str] | None
    any_text: bool = False

    def covers(self, path: str) -> bool:
        """Tell whether it read the file."""
        return self.paths is None or path in self.paths


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What the analysers said of a tree.

    Attributes:
        findings: what is to be told.
        skipped: what was not analysed, and why.
        files: how many files there were for some analyser.
        analyzed: paths that were read, now or before.
        incomplete: names of analysers that did not finish: silence of these proves nothing.
        suppressed: findings that the code or the repository's settings ask not to tell.
        cached: those of `analyzed` whose findings were known from an earlier scan.
        excluded: paths that the repository's settings leave out.
        coverage: per analyser, where it ran.
        blobs: blob id by path, of every file in the tree.
        listed: every path of the tree; None when the listing is not whole.
    """

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    files: int
    analyzed: frozenset[str]
    incomplete: frozenset[str] = frozenset()
    suppressed: tuple[Finding, ...] = ()
    cached: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    coverage: tuple[AnalyzerCoverage, ...] = ()
    blobs: Mapping[str, str] = field(default_factory=dict)
    listed: frozenset[str] | None = None

    def silenced(self, fingerprints: frozenset[str]) -> Analysis:
        """Return it with these findings among the suppressed: they are there, and not told."""
        ignored = tuple(one for one in self.findings if one.fingerprint in fingerprints)
        told = tuple(one for one in self.findings if one.fingerprint not in fingerprints)
        return replace(self, findings=told, suppressed=(*self.suppressed, *ignored))

    @property
    def understood(self) -> frozenset[str]:
        """Those of `analyzed` that an analyser of their language read, and not only a search."""
        readers = [one for one in self.coverage if not one.any_text]
        return frozenset(
            path for path in self.analyzed if any(reader.covers(path) for reader in readers)
        )
