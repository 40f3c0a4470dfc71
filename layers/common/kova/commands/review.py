"""Checks the findings of a review: each must quote changed lines and be new."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from kova.commands.citations import by_path, locate
from kova.commands.command import ReviewFinding
from kova.models.model_answer import Claim
from kova.models.prompt import Material

if TYPE_CHECKING:
    from kova.analysis.finding import Finding, Span


def check_findings(
    claims: Iterable[Claim],
    materials: Sequence[Material],
    reported: Iterable[Finding],
    sanitize: Callable[[str], str],
) -> tuple[tuple[ReviewFinding, ...], int]:
    """Return the findings that passed the check, and how many were dropped.

    Args:
        claims: the findings that the model claims.
        materials: what the model was shown.
        reported: findings that the analysers already reported.
        sanitize: makes a text safe to show.
    """
    # As spans: an imported finding may say that it has two thousand million lines.
    reported_spans: dict[str, list[Span]] = defaultdict(list)
    for finding in reported:
        reported_spans[finding.path].append(finding.span)
    files = by_path(materials)
    changed_lines = {
        path: {line for material in shown for line in material.changed}
        for path, shown in files.items()
    }
    findings: dict[tuple[str, int, int], ReviewFinding] = {}
    dropped = 0
    for claim in claims:
        place = locate(claim, files.get(claim.path, ()))
        changed = changed_lines.get(claim.path, set())
        lines = [line for line in range(*_half_open(place)) if line in changed]
        spans = reported_spans.get(claim.path, ())
        already_reported = any(_touches(span, lines) for span in spans)
        key = (claim.path, lines[0], lines[-1]) if lines else ("", 0, 0)
        if not lines or already_reported or key in findings or not claim.message.strip():
            dropped += 1
            continue
        findings[key] = ReviewFinding(
            path=claim.path,
            start_line=lines[0],
            end_line=lines[-1],
            severity=claim.severity,
            message=sanitize(claim.message.strip()),
        )
    return tuple(findings.values()), dropped


def _half_open(place: tuple[int, int] | None) -> tuple[int, int]:
    return (place[0], place[1] + 1) if place else (0, 0)


def _touches(span: Span, lines: Sequence[int]) -> bool:
    """Tell whether one of the lines, which are in order, is in a span."""
    index = bisect_left(lines, span.start_line)
    return index < len(lines) and lines[index] <= span.end_line
