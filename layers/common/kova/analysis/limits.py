"""How many findings of an analyser are kept: what nobody would read takes a worker's memory."""

from __future__ import annotations

from collections import Counter
from typing import Final

from kova.analysis.ports import AnalyzerRun
from kova.shared.skipped import Skipped

MOST_FINDINGS: Final = 10_000
"""Of one file."""
MOST_FINDINGS_TOGETHER: Final = 50_000
"""Of all files."""


def skip_crowded(name: str, run: AnalyzerRun, most: int = MOST_FINDINGS_TOGETHER) -> AnalyzerRun:
    """Skip the files of which an analyser says more than is kept.

    Args:
        name: the analyser's.
        run: what it said.
        most: how many findings are kept of all files; those with the most are skipped first.
    """
    numbers = Counter(finding.path for finding in run.findings)
    together, crowded = len(run.findings), set()
    for path, number in sorted(numbers.items(), key=lambda item: (-item[1], item[0])):
        if number <= MOST_FINDINGS and together <= most:
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
