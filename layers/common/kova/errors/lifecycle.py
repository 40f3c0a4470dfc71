"""What one scan means for the errors that are known: pure decisions, written by a store.

The rules (docs/identity.md): an error closes only when its analyser read its file again and is
silent, or when the file is gone. A tool that was upgraded neither closes nor introduces anything
in code that did not change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kova.analysis.analysis import Analysis
from kova.analysis.finding import Category, Finding, Traits
from kova.analysis.matching import Sighting, recognise, sighting
from kova.errors.error import ErrorStatus, Standing


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownError:
    """An error as a scan finds it. `silenced` means ignored by the code or its settings.

    `digest` is that of its row's content; `stale` means that it was not seen for some time;
    `fresh` means that the commit of the scan brought it, or brought it back, in an earlier scan.
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
    silenced: bool = False
    blob_sha: str | None = None
    identity: str | None = None
    digest: bytes | None = None
    stale: bool = True
    fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class History:
    """What is known of the last scan that changed the repository's errors.

    Attributes:
        moved: new path by old path, of files renamed since.
        upgraded: analysers that are new or changed since.
        unchanged: paths with the very blob that they had then.
        older: fingerprints of findings that the changed analysers see in that commit too.
    """

    moved: Mapping[str, str] = field(default_factory=dict)
    upgraded: frozenset[str] = frozenset()
    unchanged: frozenset[str] = frozenset()
    older: frozenset[str] = frozenset()

    def is_older(self, finding: Finding) -> bool:
        """Tell whether the code was so before: only the tool is new."""
        if finding.analyzer not in self.upgraded:
            return False
        return finding.path in self.unchanged or finding.fingerprint in self.older


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Findings that are known errors, and those that are not, in the order of the analysis."""

    seen: tuple[tuple[KnownError, Finding], ...]
    unknown: tuple[Finding, ...]


class Ground:
    """What an analysis allows to conclude from silence."""

    def __init__(self, analysis: Analysis) -> None:
        """Take the analysis of one commit."""
        self.analysis = analysis
        self.coverage = {one.name: one for one in analysis.coverage}
        self._skipped = {one.path for one in analysis.skipped}
        told = (*analysis.findings, *analysis.suppressed)
        self._broken = {(one.analyzer, one.path) for one in told if one.category is Category.SYNTAX}

    def deleted(self, error: KnownError) -> bool:
        """Tell whether the error's file is gone: only a whole listing proves it."""
        listed = self.analysis.listed
        return listed is not None and error.path not in listed and error.path not in self._skipped

    def read(self, error: KnownError) -> bool:
        """Tell whether the error's analyser read its file."""
        ran = self.coverage.get(error.analyzer)
        return ran is not None and ran.covers(error.path)

    def clean(self, error: KnownError) -> bool:
        """Tell whether not seeing the error means that it is fixed.

        In a file that does not parse, analysers see little; and where the code is the same, it
        is the tool that changed its mind.
        """
        if not self.read(error) or (error.analyzer, error.path) in self._broken:
            return False
        same_code = error.blob_sha is not None and error.blob_sha == self.blob(error.path)
        return not (same_code and error.identity != self.coverage[error.analyzer].identity)

    def blob(self, path: str) -> str | None:
        """Return the file's blob."""
        return self.analysis.blobs.get(path)


def pair(
    known: Sequence[KnownError], findings: Sequence[Finding], ground: Ground, history: History
) -> Paired:
    """Recognise known errors among findings."""
    matches = recognise(
        [_known_sighting(error, ground) for error in known],
        [sighting(finding) for finding in findings],
        moved=history.moved,
        gone=frozenset(error.path for error in known if ground.deleted(error)),
    )
    seen = [(known[old], findings[new]) for new, old in matches.items()]
    unknown = [one for index, one in enumerate(findings) if index not in matches]
    taken = set(matches.values())
    left = [error for index, error in enumerate(known) if index not in taken]
    renamed, rest = _renamed_rules(left, unknown, ground)
    return Paired(seen=(*seen, *renamed), unknown=tuple(rest))


def standing(paired: Paired, history: History, *, reopens: bool) -> Standing:
    """Return what the findings are to the errors; what is suppressed is nothing to them.

    Args:
        paired: the findings, recognised.
        history: what came before.
        reopens: the scan changes the errors, so that a fixed one that is seen came back with it.
    """
    unknown = [one for one in paired.unknown if one.suppressed is None]
    fresh = {one.fingerprint for one in unknown if not history.is_older(one)}
    ignored = set[str]()
    for error, finding in paired.seen:
        if finding.suppressed is not None:
            continue
        back = reopens and error.status is ErrorStatus.FIXED and not history.is_older(finding)
        if error.status is ErrorStatus.IGNORED and not error.silenced:
            ignored.add(finding.fingerprint)
        elif error.fresh or back:
            fresh.add(finding.fingerprint)
    return Standing(fresh=frozenset(fresh), ignored=frozenset(ignored))


def closed(
    known: Sequence[KnownError],
    seen: Sequence[tuple[KnownError, Finding]],
    ground: Ground,
    history: History,
) -> list[KnownError]:
    """Return the open errors that are fixed: seen nowhere, and their silence means something."""
    there = {error.id for error, _ in seen}
    there |= {error.id for error, _ in relocated(known, ground, history)}
    return [
        error
        for error in known
        if error.status is ErrorStatus.OPEN
        and error.id not in there
        and (ground.deleted(error) or ground.clean(error))
    ]


def relocated(
    known: Sequence[KnownError], ground: Ground, history: History
) -> list[tuple[KnownError, str]]:
    """Return errors of renamed files whose analyser did not run: they only change their path."""
    return [
        (error, history.moved[error.path])
        for error in known
        if error.path in history.moved and error.analyzer not in ground.coverage
    ]


def excluded(known: Sequence[KnownError], ground: Ground) -> list[KnownError]:
    """Return open errors of files that the repository's settings leave out."""
    left_out = ground.analysis.excluded
    return [error for error in known if error.status is ErrorStatus.OPEN and error.path in left_out]


def _renamed_rules(
    left: Sequence[KnownError], unknown: Sequence[Finding], ground: Ground
) -> tuple[list[tuple[KnownError, Finding]], list[Finding]]:
    """Pair what another version of the tool calls otherwise: same code, same place, same text."""
    places: dict[tuple[object, ...], KnownError] = {
        (error.analyzer, error.path, error.blob_sha, error.line, error.column, error.traits): error
        for error in left
        if error.status is not ErrorStatus.FIXED
        and error.blob_sha is not None
        and ground.read(error)
        and error.identity != ground.coverage[error.analyzer].identity
    }
    pairs: list[tuple[KnownError, Finding]] = []
    rest: list[Finding] = []
    for one in unknown:
        place = (one.span.start_line, one.span.start_column)
        assert one.traits is not None
        key = (one.analyzer, one.path, ground.blob(one.path), *place, one.traits)
        error = places.pop(key, None)
        if error is None:
            rest.append(one)
        else:
            pairs.append((error, one))
    return pairs, rest


def _known_sighting(error: KnownError, ground: Ground) -> Sighting:
    return Sighting(
        analyzer=error.analyzer,
        rule_id=error.rule_id,
        path=error.path,
        line=error.line,
        column=error.column,
        traits=error.traits,
        settled=error.status is ErrorStatus.FIXED,
        movable=ground.read(error) or ground.deleted(error),
    )
