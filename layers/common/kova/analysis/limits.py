"""How many findings of an analyser are kept: what nobody would read takes a worker's memory."""

from __future__ import annotations

from collections import Counter
from typing import Final

from kova.analysis.ports import AnalyzerRun
from kova.shared.skipped import Skipped

MOST_FINDINGS: Final = 10_000
"""Of one file."""
MOST_FINDINGS_TOGETHER: Final = 25_000
"""Of all files."""


def skip_crowded(name: str, run: AnalyzerRun) -> AnalyzerRun:
    """Skip the files of which an analyser says more than is kept, those with the most first.

    Args:
        name: the analyser's.
        run: what it said.
    """
    numbers = Counter(finding.path for finding in run.findings)
    together, crowded = len(run.findings), set()
    for path, number in sorted(numbers.items(), key=lambda item: (-item[1], item[0])):
        if number <= MOST_FINDINGS and together <= MOST_FINDINGS_TOGETHER:
            break
        crowded.add(path)
        together -= number
    if not crowded:
        return run
    return AnalyzerRun(
        findings=tuple(finding for finding in run.findings if finding.path not in crowded),
        skipped=(
            *run.skipped,
            *(Skipped(path=path, reason=f"{name}_too_many_findings") for path in sorted(crowded)),
        ),
        completed=run.completed,
    )
