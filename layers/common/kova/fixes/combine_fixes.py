"""Put the proved fixes of each file together, and prove the whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from kova.analysis.finding import Finding, TextEdit
from kova.analysis.source_text import EditError
from kova.fixes.prove_fix import Candidate, FileState, Proof, ProveFix


def combine_fixes(prove: ProveFix, proved: Mapping[str, Sequence[Proof]]) -> dict[str, Proof]:
    """Return, for each file, the proof of as many of its fixes as hold together.

    The fixes of a file are proved as one. Where that does not hold, they are taken one upon the
    other: each must hold with those before it.

    Args:
        prove: the prover.
        proved: by path, the proofs of single fixes, each verified by itself.
    """
    done = {path: group[0] for path, group in proved.items() if len(group) == 1}
    several = {path: group for path, group in proved.items() if len(group) > 1}
    wholes = prove.prove([_together(group) for group in several.values()])
    for (path, group), whole in zip(several.items(), wholes, strict=True):
        done[path] = whole if whole.state is not None else _one_by_one(prove, group)
    return done


def _one_by_one(prove: ProveFix, proofs: Sequence[Proof]) -> Proof:
    held, kept = proofs[0], [proofs[0]]
    for one in proofs[1:]:
        (more,) = prove.prove([_together([*kept, one])])
        if more.state is not None:
            held, kept = more, [*kept, one]
    return held


def _together(proofs: Sequence[Proof]) -> Candidate:
    """Return the fixes of one file as one candidate; what overlaps waits for a later scan.

    One edit may mend several findings, such as all of one string.
    """
    state = proofs[0].candidate.state
    findings = [finding for one in proofs for finding in one.candidate.mended]
    edited, mended = list[Finding](), list[Finding]()
    lowest = math.inf
    for finding in sorted(findings, key=lambda one: one.span, reverse=True):
        assert finding.edit is not None
        if any(finding.edit == other.edit for other in edited):
            mended.append(finding)
            continue
        ranges = _ranges(state, finding.edit.edits)
        if ranges and all(end < lowest for _, end in ranges):
            edited.append(finding)
            mended.append(finding)
            lowest = min(start for start, _ in ranges)
    return Candidate(state=state, edited=tuple(edited), mended=tuple(mended))


def _ranges(state: FileState, edits: Iterable[TextEdit]) -> list[tuple[int, int]]:
    try:
        return [state.source.offsets(edit)[:2] for edit in edits]
    except EditError:
        return []
