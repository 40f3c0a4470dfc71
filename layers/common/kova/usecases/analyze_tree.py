"""Run every analyser over a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kova.domain.finding import Skipped
from kova.domain.scan import Analysis
from kova.ports.analyzer import Analyzer, AnalyzerRun


class AnalyzeTree:
    """All analysers, side by side; one that fails is said in `skipped` and harms no other."""

    def __init__(self, analyzers: Sequence[Analyzer]) -> None:
        """Take the analysers."""
        self._analyzers = analyzers

    def handles(self, path: str) -> bool:
        """Tell whether any analyser reads such a file."""
        return any(analyzer.handles(path) for analyzer in self._analyzers)

    def run(
        self,
        folder: Path,
        paths: Sequence[str],
        skipped: Sequence[Skipped] = (),
        progress: Callable[[str], None] | None = None,
    ) -> Analysis:
        """Analyse the files below a folder.

        Args:
            folder: where the files are.
            paths: the files to analyse, relative to the folder.
            skipped: what was left out before, to be told along.
            progress: called with the name of each analyser that ends.
        """

        def one(analyzer: Analyzer) -> AnalyzerRun:
            mine = [path for path in paths if analyzer.handles(path)]
            run = analyzer.analyze(folder, mine) if mine else AnalyzerRun(findings=())
            if progress:
                progress(analyzer.name)
            return run

        with ThreadPoolExecutor(max_workers=max(len(self._analyzers), 1)) as pool:
            runs = list(pool.map(one, self._analyzers))
        left_out = {*skipped, *(one for run in runs for one in run.skipped)}
        unread = {one.path for one in left_out}
        names = zip(self._analyzers, runs, strict=True)
        return Analysis(
            findings=tuple(finding for run in runs for finding in run.findings),
            skipped=tuple(sorted(left_out)),
            files=len(paths) + len({one.path for one in skipped}),
            analyzed=frozenset(path for path in paths if path not in unread),
            incomplete=frozenset(analyzer.name for analyzer, run in names if not run.completed),
        )
