"""Put the proved fixes of each file together, and prove the whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kova.analysis.finding import Finding, ProposedEdit, TextEdit
from kova.analysis.source_text import EditError
from kova.fixes.prove_fix import FileState, FixCandidate, Proof, ProveFix

_MOST_ADDED: Final = 50
"""Each is a run of all analysers: a file may have hundreds of fixes that do not hold together."""


def combine_fixes(prover: ProveFix, proofs: Mapping[str, Sequence[Proof]]) -> dict[str, Proof]:
    """Return, by path, the proof of as many fixes of the file as hold together.

    The fixes of a file are proved as one. Where that fails, the first ones are added one by one:
    each must hold with those before it, and what is left waits for a later scan.

    Args:
        prover: proves the combinations.
        proofs: by path, the proofs of single fixes, each verified by itself.
    """
    combined = {path: group[0] for path, group in proofs.items() if len(group) == 1}
    several = {path: group for path, group in proofs.items() if len(group) > 1}
    of_all = prover.prove([merge_proofs(group) for group in several.values()])
    for (path, group), proof in zip(several.items(), of_all, strict=True):
        combined[path] = proof if proof.state is not None else _add_one_by_one(prover, group)
    return combined


def _add_one_by_one(prover: ProveFix, proofs: Sequence[Proof]) -> Proof:
    combined, members = proofs[0], [proofs[0]]
    for proof in proofs[1:_MOST_ADDED]:
        (larger,) = prover.prove([merge_proofs([*members, proof])])
        if larger.state is not None:
            combined, members = larger, [*members, proof]
    return combined


def merge_proofs(proofs: Sequence[Proof]) -> FixCandidate:
    """Return the fixes of one file as one candidate; what overlaps waits for a later scan.

    One edit may mend several findings, such as all of one string.
    """
    state = proofs[0].candidate.state
    findings = [finding for proof in proofs for finding in proof.candidate.mended]
    edited, mended = list[Finding](), list[Finding]()
    edits = set[ProposedEdit]()
    lowest = math.inf
    for finding in sorted(findings, key=lambda finding: finding.span, reverse=True):
        assert finding.edit is not None
        if finding.edit in edits:
            mended.append(finding)
            continue
        ranges = _ranges(state, finding.edit.edits)
        if ranges and all(end < lowest for _, end in ranges):
            edited.append(finding)
            edits.add(finding.edit)
            mended.append(finding)
            lowest = min(start for start, _ in ranges)
    return FixCandidate(state=state, edited=tuple(edited), mended=tuple(mended))


def _ranges(state: FileState, edits: Iterable[TextEdit]) -> list[tuple[int, int]]:
    try:
        return [state.source.offsets(edit)[:2] for edit in edits]
    except EditError:
        return []
