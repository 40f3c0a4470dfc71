"""Run every analyser over a folder or one text, and give each finding its identity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kova.domain.finding import Finding, Skipped
from kova.domain.fingerprint import identify
from kova.domain.scan import Analysis
from kova.domain.source_text import SourceText, decode
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
        """Analyse the files below a folder, those that are not UTF-8 left out and said.

        Args:
            folder: where the files are.
            paths: the files to analyse, relative to the folder.
            skipped: what was left out before, to be told along.
            progress: called with the name of each analyser that ends.
        """
        texts = [path for path in paths if decode((folder / path).read_bytes()) is not None]
        binary = [Skipped(path=path, reason="not_utf8") for path in set(paths) - set(texts)]

        def one(analyzer: Analyzer) -> AnalyzerRun:
            mine = [path for path in texts if analyzer.handles(path)]
            run = analyzer.analyze(folder, mine) if mine else AnalyzerRun(findings=())
            if progress:
                progress(analyzer.name)
            return run

        with ThreadPoolExecutor(max_workers=max(len(self._analyzers), 1)) as pool:
            runs = list(pool.map(one, self._analyzers))
        left_out = {*skipped, *binary, *(one for run in runs for one in run.skipped)}
        unread = {one.path for one in left_out}
        names = zip(self._analyzers, runs, strict=True)
        return Analysis(
            findings=_identified(folder, (finding for run in runs for finding in run.findings)),
            skipped=tuple(sorted(left_out)),
            files=len(paths) + len({one.path for one in skipped}),
            analyzed=frozenset(path for path in paths if path not in unread),
            incomplete=frozenset(analyzer.name for analyzer, run in names if not run.completed),
        )

    def text(self, path: str, source: SourceText) -> AnalyzerRun:
        """Analyse one text as if it stood at that path, with every analyser that reads it."""
        content = source.encode()
        runs = [one.analyze_text(path, content) for one in self._analyzers if one.handles(path)]
        findings = (finding for run in runs for finding in run.findings)
        return AnalyzerRun(
            findings=tuple(identify(findings, source.lines)),
            skipped=tuple(one for run in runs for one in run.skipped),
            completed=bool(runs) and all(run.completed and not run.skipped for run in runs),
        )


def _identified(folder: Path, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.path].append(finding)
    identified: list[Finding] = []
    for path, group in sorted(groups.items()):
        source = decode((folder / path).read_bytes())
        identified += identify(group, source.lines if source else ())
    return tuple(identified)
