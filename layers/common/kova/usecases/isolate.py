"""Keep one file that crashes an analyser from hiding the findings of all the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kova.domain.finding import Finding, Skipped
from kova.ports.analyzer import Analyzer, AnalyzerRun

# Not a time-out: trying again would cost as much again.
_WORTH_ANOTHER: Final = ("_crashed", "_garbled_output", "_too_much_output")
MOST_RUNS: Final = 64


def analyze_apart(analyzer: Analyzer, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
    """Analyse files, and those of a run that crashed again in halves until the bad ones are alone.

    A whole-program analyser is run once: the half of a program is another program.
    """
    run = analyzer.analyze(folder, paths)
    crashed = _crashed(run)
    if analyzer.whole_program or len(crashed) <= 1:
        return run
    reasons = {one.path: one for one in run.skipped if one.path in crashed}
    findings: list[Finding] = [one for one in run.findings if one.path not in crashed]
    skipped = [one for one in run.skipped if one.path not in crashed]
    waiting, runs = [sorted(crashed)], 0
    while waiting and runs < MOST_RUNS:
        part = waiting.pop()
        middle = (len(part) + 1) // 2
        for half in (part[:middle], part[middle:]):
            again = analyzer.analyze(folder, half)
            runs += 1
            bad = _crashed(again)
            findings += [one for one in again.findings if one.path not in bad]
            skipped += [one for one in again.skipped if one.path not in bad or len(half) == 1]
            if bad and len(half) > 1:
                waiting.append(sorted(bad))
    left: list[Skipped] = [reasons[path] for part in waiting for path in part]
    return AnalyzerRun(findings=tuple(findings), skipped=(*skipped, *left), completed=run.completed)


def _crashed(run: AnalyzerRun) -> frozenset[str]:
    return frozenset(one.path for one in run.skipped if one.reason.endswith(_WORTH_ANOTHER))
