"""Run every analyser over a folder or one text, and give each finding its identity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kova.domain.finding import Finding, Skipped
from kova.domain.fingerprint import identify
from kova.domain.scan import Analysis
from kova.domain.secrets import masked
from kova.domain.source_text import SourceText, decode
from kova.domain.suppression import mark_suppressed
from kova.ports.analyzer import Analyzer, AnalyzerRun


class AnalyzeTree:
    """All analysers, side by side; one that fails is said in `skipped` and harms no other."""

    def __init__(self, analyzers: Sequence[Analyzer], *, parallel: int = 3) -> None:
        """Take the analysers, and how many may run at once: each has its share of the memory."""
        self._analyzers = analyzers
        self._parallel = parallel

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

        with ThreadPoolExecutor(max_workers=self._parallel) as pool:
            runs = list(pool.map(one, self._analyzers))
        left_out = {*skipped, *binary, *(one for run in runs for one in run.skipped)}
        unread = {one.path for one in left_out}
        names = zip(self._analyzers, runs, strict=True)
        found = _identified(folder, (finding for run in runs for finding in run.findings))
        return Analysis(
            findings=tuple(one for one in found if one.suppressed is None),
            suppressed=tuple(one for one in found if one.suppressed is not None),
            skipped=tuple(sorted(left_out)),
            files=len(paths) + len({one.path for one in skipped}),
            analyzed=frozenset(path for path in paths if path not in unread),
            incomplete=frozenset(analyzer.name for analyzer, run in names if not run.completed),
        )

    def text(self, path: str, source: SourceText) -> AnalyzerRun:
        """Analyse one text as if it stood at that path, with every analyser that reads it.

        Suppressed findings are among the findings: what a comment silences is still there.
        """
        content = source.encode()
        chosen = [one for one in self._analyzers if one.handles(path) and not one.whole_program]
        with ThreadPoolExecutor(max_workers=self._parallel) as pool:
            runs = list(pool.map(lambda one: one.analyze_text(path, content), chosen))
        findings = [finding for run in runs for finding in run.findings]
        return AnalyzerRun(
            findings=tuple(_of_file(findings, source.lines)),
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
        identified += _of_file(group, source.lines if source else ())
    return tuple(identified)


def _of_file(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    return mark_suppressed(identify(masked(findings, lines), lines), lines)
