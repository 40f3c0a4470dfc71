"""What the analysers report of one tree, and what they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from kova.analysis.finding import Finding
from kova.shared.skipped import Skipped


@dataclass(frozen=True, kw_only=True)
class AnalyzerCoverage:
    """Which files one analyser read: only in these does the absence of a finding mean something.

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

    def joined_with(self, second: AnalyzerCoverage) -> AnalyzerCoverage:
        """Return the same analyser's coverage of the files of both."""
        if self.paths is None or second.paths is None:
            return replace(self, paths=None)
        return replace(self, paths=self.paths | second.paths)


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The result of the analysers on a tree. Without arguments: of a tree without files.

    Attributes:
        findings: what is to be reported.
        skipped: what was not analysed, and why.
        files: how many files there were for some analyser.
        analyzed: paths that were read, in this run or an earlier one.
        incomplete: names of analysers that did not finish: that these found nothing proves nothing.
        suppressed: findings that the code or the repository's settings ask not to report.
        cached: those of `analyzed` whose findings were known from an earlier scan.
        excluded: paths that the repository's settings leave out.
        coverage: per analyser, where it ran.
        blobs: blob id by path, of every file in the tree.
        listed: every path of the tree; None when the listing is not whole.
    """

    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    files: int = 0
    analyzed: frozenset[str] = frozenset()
    incomplete: frozenset[str] = frozenset()
    suppressed: tuple[Finding, ...] = ()
    cached: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    coverage: tuple[AnalyzerCoverage, ...] = ()
    blobs: Mapping[str, str] = field(default_factory=dict)
    listed: frozenset[str] | None = None

    def without_ignored(self, fingerprints: frozenset[str]) -> Self:
        """Return the analysis with these findings among the suppressed ones."""
        ignored = [finding for finding in self.findings if finding.fingerprint in fingerprints]
        reported = [finding for finding in self.findings if finding.fingerprint not in fingerprints]
        return replace(self, findings=tuple(reported), suppressed=(*self.suppressed, *ignored))

    @property
    def understood(self) -> frozenset[str]:
        """Those of `analyzed` that an analyser of their language read, and not only a search."""
        readers = [coverage for coverage in self.coverage if not coverage.any_text]
        return frozenset(
            path for path in self.analyzed if any(reader.covers(path) for reader in readers)
        )


def split_suppressed(
    findings: Iterable[Finding],
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the findings to report and those that are suppressed, each in the given order."""
    reported, suppressed = list[Finding](), list[Finding]()
    for finding in findings:
        (reported if finding.suppressed is None else suppressed).append(finding)
    return tuple(reported), tuple(suppressed)


def join_coverage(*parts: Iterable[AnalyzerCoverage]) -> tuple[AnalyzerCoverage, ...]:
    """Return one coverage an analyser, over the files of all parts."""
    by_name: dict[str, AnalyzerCoverage] = {}
    for part in parts:
        for coverage in part:
            first = by_name.get(coverage.name)
            by_name[coverage.name] = first.joined_with(coverage) if first else coverage
    return tuple(by_name.values())
