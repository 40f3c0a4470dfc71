"""Findings of a review: kept where they are anchored to changed lines and new."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kova.analysis.finding import Finding
from kova.commands.citations import by_path, locate
from kova.commands.command import ReviewFinding
from kova.models.model_answer import Claim
from kova.models.prompt import Material


def check_findings(
    claims: Iterable[Claim],
    materials: Sequence[Material],
    reported: Iterable[Finding],
    safe: Callable[[str], str],
) -> tuple[tuple[ReviewFinding, ...], int]:
    """Return the findings that hold, and how many were dropped.

    Args:
        claims: what the model says.
        materials: what it was shown.
        reported: what the analysers found there already.
        safe: makes a text harmless.
    """
    known = {
        (one.path, line)
        for one in reported
        for line in range(one.span.start_line, one.span.end_line + 1)
    }
    files = by_path(materials)
    kept: dict[tuple[str, int, int], ReviewFinding] = {}
    dropped = 0
    for claim in claims:
        shown = files.get(claim.path, ())
        place = locate(claim, shown)
        changed = {line for material in shown for line in material.changed}
        lines = [line for line in range(*_half_open(place)) if line in changed]
        taken = any((claim.path, line) in known for line in lines)
        key = (claim.path, lines[0], lines[-1]) if lines else ("", 0, 0)
        if not lines or taken or key in kept or not claim.message.strip():
            dropped += 1
            continue
        kept[key] = ReviewFinding(
            path=claim.path,
            start_line=lines[0],
            end_line=lines[-1],
            severity=claim.severity,
            message=safe(claim.message.strip()),
        )
    return tuple(kept.values()), dropped


def _half_open(place: tuple[int, int] | None) -> tuple[int, int]:
    return (place[0], place[1] + 1) if place else (0, 0)
