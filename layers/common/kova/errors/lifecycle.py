"""Decide what a scan changes about the known errors; a store writes it.

The rules (docs/identity.md): an error closes only when its analyser read its file again and no
longer reports it, or when the file was deleted. A tool that was upgraded neither closes nor
introduces anything in code that did not change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kova.analysis.analysis import Analysis
from kova.analysis.finding import Category, Finding, Traits
from kova.analysis.matching import Sighting, recognise, sighting_of
from kova.errors.error import ErrorStatus, FindingStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownError:
    """An error as it was stored before a scan.

    Attributes:
        suppressed: the code or the repository's settings ask not to report it.
        digest: of its row's content.
        stale: it was not seen for some time.
        introduced: the commit of the scan brought it, or brought it back, in an earlier scan.
    """

    id: str
    fingerprint: str
    analyzer: str
    rule_id: str
    path: str
    line: int
    column: int
    traits: Traits
    status: ErrorStatus
    suppressed: bool = False
    blob_sha: str | None = None
    identity: str | None = None
    digest: bytes | None = None
    stale: bool = True
    introduced: bool = False


@dataclass(frozen=True, kw_only=True)
class History:
    """What changed since the last scan that changed the repository's errors.

    Attributes:
        moved: new path by old path, of files renamed since.
        upgraded: analysers that are new or changed since.
        unchanged: paths with the very blob that they had then.
        older: fingerprints of findings that the changed analysers report in that commit too.
    """

    moved: Mapping[str, str] = field(default_factory=dict)
    upgraded: frozenset[str] = frozenset()
    unchanged: frozenset[str] = frozenset()
    older: frozenset[str] = frozenset()

    def is_older(self, finding: Finding) -> bool:
        """Tell whether the code was the same before, so that only the tool is new."""
        if finding.analyzer not in self.upgraded:
            return False
        return finding.path in self.unchanged or finding.fingerprint in self.older


@dataclass(frozen=True, kw_only=True)
class ErrorMatches:
    """Which of a scan's findings are errors that are known already.

    Attributes:
        known_errors: the errors that were compared.
        pairs: each error that a finding is, with that finding.
        new_findings: findings that are no known error, in the order of the analysis.
    """

    known_errors: Sequence[KnownError]
    pairs: tuple[tuple[KnownError, Finding], ...]
    new_findings: tuple[Finding, ...]


class ScanEvidence:
    """Decides whether a finding's absence from a scan proves that the error was fixed."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.coverage = {part.name: part for part in analysis.coverage}
        self._skipped = {skip.path for skip in analysis.skipped}
        self._broken = {
            (finding.analyzer, finding.path)
            for finding in (*analysis.findings, *analysis.suppressed)
            if finding.category is Category.SYNTAX
        }

    def is_deleted(self, error: KnownError) -> bool:
        """Tell whether the error's file is no longer there: only a whole listing proves it."""
        listed = self.analysis.listed
        return listed is not None and error.path not in listed and error.path not in self._skipped

    def is_read(self, error: KnownError) -> bool:
        """Tell whether the error's analyser read its file."""
        coverage = self.coverage.get(error.analyzer)
        return coverage is not None and coverage.covers(error.path)

    def absence_means_fixed(self, error: KnownError) -> bool:
        """Tell whether an error that no finding matches is fixed.

        In a file that does not parse, analysers see little; and where the code is the same, it
        is the tool that changed its mind.
        """
        if not self.is_read(error) or (error.analyzer, error.path) in self._broken:
            return False
        same_code = error.blob_sha is not None and error.blob_sha == self.blob(error.path)
        return not (same_code and error.identity != self.coverage[error.analyzer].identity)

    def blob(self, path: str) -> str | None:
        """Return the file's blob id."""
        return self.analysis.blobs.get(path)


def match_errors(
    known_errors: Sequence[KnownError],
    findings: Sequence[Finding],
    evidence: ScanEvidence,
    history: History,
) -> ErrorMatches:
    """Recognise known errors among findings."""
    matches = recognise(
        [_known_sighting(error, evidence) for error in known_errors],
        [sighting_of(finding) for finding in findings],
        moved=history.moved,
        deleted=frozenset(error.path for error in known_errors if evidence.is_deleted(error)),
    )
    pairs = [(known_errors[old], findings[new]) for new, old in matches.items()]
    unmatched = [finding for index, finding in enumerate(findings) if index not in matches]
    matched = set(matches.values())
    absent = [error for index, error in enumerate(known_errors) if index not in matched]
    renamed, new_findings = _match_renamed_rules(absent, unmatched, evidence)
    return ErrorMatches(
        known_errors=known_errors, pairs=(*pairs, *renamed), new_findings=tuple(new_findings)
    )


def finding_status(matches: ErrorMatches, history: History, *, reopens: bool) -> FindingStatus:
    """Return which findings the commit introduced and which ones people ignore.

    Suppressed findings are neither.

    Args:
        matches: the findings, with the errors that they are.
        history: what came before.
        reopens: the scan changes the errors, so that a fixed one that is seen came back with it.
    """
    introduced = {
        finding.fingerprint
        for finding in matches.new_findings
        if finding.suppressed is None and not history.is_older(finding)
    }
    ignored = set[str]()
    for error, finding in matches.pairs:
        if finding.suppressed is not None:
            continue
        back = reopens and error.status is ErrorStatus.FIXED and not history.is_older(finding)
        if error.status is ErrorStatus.IGNORED and not error.suppressed:
            ignored.add(finding.fingerprint)
        elif error.introduced or back:
            introduced.add(finding.fingerprint)
    return FindingStatus(introduced=frozenset(introduced), ignored=frozenset(ignored))


def doubtful_findings(matches: ErrorMatches) -> list[Finding]:
    """Return the findings that may be a fixed error that came back.

    Before one is taken for new, or for an error of another file, the fixed errors of its file have
    to be compared too.
    """
    moved = [finding for error, finding in matches.pairs if error.path != finding.path]
    return [*moved, *matches.new_findings]


def status_when_seen(error: KnownError, finding: Finding) -> tuple[ErrorStatus, str | None]:
    """Return the status of an error that is seen, and what silences it if nobody ignored it."""
    if error.status is ErrorStatus.IGNORED and not error.suppressed:
        return ErrorStatus.IGNORED, None
    if finding.suppressed is not None:
        return ErrorStatus.IGNORED, finding.suppressed
    return ErrorStatus.OPEN, None


def fixed_errors(
    matches: ErrorMatches, evidence: ScanEvidence, history: History
) -> list[KnownError]:
    """Return the open errors that are fixed: no finding matches them, and that proves it."""
    still_there = {error.id for error, _ in matches.pairs}
    still_there |= {
        error.id for error, _ in relocated_errors(matches.known_errors, evidence, history)
    }
    return [
        error
        for error in matches.known_errors
        if error.status is ErrorStatus.OPEN
        and error.id not in still_there
        and (evidence.is_deleted(error) or evidence.absence_means_fixed(error))
    ]


def relocated_errors(
    known_errors: Sequence[KnownError], evidence: ScanEvidence, history: History
) -> list[tuple[KnownError, str]]:
    """Return errors of renamed files whose analyser did not run, with their new paths."""
    return [
        (error, history.moved[error.path])
        for error in known_errors
        if error.path in history.moved and error.analyzer not in evidence.coverage
    ]


def excluded_errors(known_errors: Sequence[KnownError], evidence: ScanEvidence) -> list[KnownError]:
    """Return open errors of files that the repository's settings leave out."""
    excluded = evidence.analysis.excluded
    return [
        error
        for error in known_errors
        if error.status is ErrorStatus.OPEN and error.path in excluded
    ]


def _match_renamed_rules(
    absent: Sequence[KnownError], findings: Sequence[Finding], evidence: ScanEvidence
) -> tuple[list[tuple[KnownError, Finding]], list[Finding]]:
    """Match errors whose rule another version of the tool renamed: same code, place and text.

    Returns:
        The pairs, and the findings that are still without an error.
    """
    places: dict[tuple[object, ...], KnownError] = {
        (error.analyzer, error.path, error.blob_sha, error.line, error.column, error.traits): error
        for error in absent
        if error.status is not ErrorStatus.FIXED
        and error.blob_sha is not None
        and evidence.is_read(error)
        and error.identity != evidence.coverage[error.analyzer].identity
    }
    pairs: list[tuple[KnownError, Finding]] = []
    unmatched: list[Finding] = []
    for finding in findings:
        place = (finding.span.start_line, finding.span.start_column)
        assert finding.traits is not None
        blob = evidence.blob(finding.path)
        key = (finding.analyzer, finding.path, blob, *place, finding.traits)
        error = places.pop(key, None)
        if error is None:
            unmatched.append(finding)
        else:
            pairs.append((error, finding))
    return pairs, unmatched


def _known_sighting(error: KnownError, evidence: ScanEvidence) -> Sighting:
    return Sighting(
        analyzer=error.analyzer,
        rule_id=error.rule_id,
        path=error.path,
        line=error.line,
        column=error.column,
        traits=error.traits,
        settled=error.status is ErrorStatus.FIXED,
        movable=evidence.is_read(error) or evidence.is_deleted(error),
    )
