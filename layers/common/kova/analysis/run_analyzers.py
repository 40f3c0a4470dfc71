"""Run every analyser over a folder or one text, and give each finding its identity."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from kova.analysis.analysis import Analysis, AnalyzerCoverage, split_suppressed
from kova.analysis.finding import Finding
from kova.analysis.fingerprint import identify
from kova.analysis.limits import skip_crowded
from kova.analysis.ports import Analyzer, AnalyzerRun, Text
from kova.analysis.secrets import hide_secrets, mask_secrets
from kova.analysis.source_text import SourceText, decode
from kova.analysis.suppression import mark_suppressed
from kova.shared.skipped import Skipped

_MOST_PATHS = 100_000
_IDENTIFYING: Final = threading.Lock()
"""One scan of a worker after the other: a file's lines and names take many times its size."""


class AnalyzeTree:
    """All analysers, side by side; one that fails is named in the result and harms no other."""

    def __init__(self, analyzers: Sequence[Analyzer], *, parallel: int = 3) -> None:
        """At most `parallel` analysers run at once: each has its share of the memory."""
        self._analyzers = analyzers
        self._parallel = parallel
        self._digests: dict[frozenset[str], str] = {}
        self._readers: dict[str, frozenset[str]] = {}

    @cached_property
    def identities(self) -> Mapping[str, str]:
        """Each analyser's identity by its name. Slow at first: some ask their program."""
        return {analyzer.name: analyzer.identity for analyzer in self._analyzers}

    @cached_property
    def programs(self) -> frozenset[str]:
        """The names of analysers that need all files to judge one."""
        return frozenset(analyzer.name for analyzer in self._analyzers if analyzer.whole_program)

    def handles(self, path: str) -> bool:
        """Tell whether any analyser reads such a file."""
        return bool(self._all_readers(path))

    def readers(self, path: str, *, programs: bool = False) -> frozenset[str]:
        """Return the names of the analysers that read such a file."""
        readers = self._all_readers(path)
        return readers & self.programs if programs else readers - self.programs

    def _all_readers(self, path: str) -> frozenset[str]:
        """Ask each analyser once a path: a scan asks several times about each of many files."""
        readers = self._readers.get(path)
        if readers is None:
            if len(self._readers) >= _MOST_PATHS:
                self._readers.clear()
            readers = frozenset(
                analyzer.name for analyzer in self._analyzers if analyzer.handles(path)
            )
            self._readers[path] = readers
        return readers

    def digest(self, names: frozenset[str]) -> str:
        """Return what these analysers are: with the same digest, equal files, equal findings."""
        digest = self._digests.get(names)
        if digest is None:
            text = "\x1f".join(f"{name}\x1e{self.identities[name]}" for name in sorted(names))
            digest = self._digests[names] = hashlib.blake2b(
                text.encode("utf-8", "replace"), digest_size=12
            ).hexdigest()
        return digest

    def analyze(
        self,
        folder: Path,
        paths: Sequence[str],
        skipped: Sequence[Skipped] = (),
        *,
        programs: Sequence[str] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> Analysis:
        """Analyse files below a folder; one that cannot be read or is not UTF-8 is skipped.

        Args:
            folder: where the files are.
            paths: files for the analysers that judge each file by itself, relative to the folder.
            skipped: what the caller left out: part of the result.
            programs: files for the analysers that judge a whole program; None for all of `paths`.
            progress: called with the name of each analyser that ends.
        """
        programs = paths if programs is None else programs
        everything = sorted({*paths, *programs})
        unfit = {
            path: reason for path in everything if (reason := _unreadable_reason(folder / path))
        }

        def analyze_with(analyzer: Analyzer) -> tuple[frozenset[str], AnalyzerRun]:
            candidates = programs if analyzer.whole_program else paths
            handled = [path for path in candidates if path not in unfit and analyzer.handles(path)]
            run = analyzer.analyze(folder, handled) if handled else AnalyzerRun(findings=())
            run = skip_crowded(analyzer.name, _about(frozenset(handled), run))
            if progress:
                progress(analyzer.name)
            return frozenset(handled), run

        with ThreadPoolExecutor(max_workers=self._parallel) as pool:
            results = pool.map(analyze_with, self._analyzers)
            runs = list(zip(self._analyzers, results, strict=True))
        left_out = {
            *skipped,
            *(Skipped(path=path, reason=reason) for path, reason in unfit.items()),
        }
        left_out.update(*(run.skipped for _, (_, run) in runs))
        with _IDENTIFYING:
            findings, suppressed = split_suppressed(
                _identify_all(folder, (finding for _, (_, run) in runs for finding in run.findings))
            )
        return Analysis(
            findings=findings,
            suppressed=suppressed,
            skipped=tuple(sorted(left_out)),
            files=len(paths) + len({skip.path for skip in skipped}),
            analyzed=frozenset(paths) - {skip.path for skip in left_out},
            incomplete=frozenset(tool.name for tool, (_, run) in runs if not run.completed),
            coverage=self.coverage_of({tool.name: _covered_paths(*ran) for tool, ran in runs}),
        )

    def coverage_of(self, paths: Mapping[str, Iterable[str]]) -> tuple[AnalyzerCoverage, ...]:
        """Return the coverage of each analyser that is named, given the paths that it read."""
        return tuple(
            AnalyzerCoverage(
                name=analyzer.name,
                identity=self.identities[analyzer.name],
                paths=frozenset(paths[analyzer.name]),
                any_text=analyzer.any_text,
            )
            for analyzer in self._analyzers
            if analyzer.name in paths
        )

    def analyze_texts(self, texts: Sequence[tuple[str, SourceText]]) -> list[AnalyzerRun]:
        """Analyse texts, each as if it stood at its path, with every analyser that reads it.

        Suppressed findings are among the findings: a comment does not remove the error.

        Returns:
            One run a text, in order.
        """
        contents = [Text(path=path, content=source.encode()) for path, source in texts]

        def analyze_with(analyzer: Analyzer) -> dict[int, AnalyzerRun]:
            handled = {
                number: text for number, text in enumerate(contents) if analyzer.handles(text.path)
            }
            runs = analyzer.analyze_texts(list(handled.values())) if handled else []
            return dict(zip(handled, runs, strict=True))

        by_file = [analyzer for analyzer in self._analyzers if not analyzer.whole_program]
        with ThreadPoolExecutor(max_workers=self._parallel) as pool:
            results = list(pool.map(analyze_with, by_file))
        return [
            _join([runs[number] for runs in results if number in runs], source.lines)
            for number, (_, source) in enumerate(texts)
        ]


def _about(paths: frozenset[str], run: AnalyzerRun) -> AnalyzerRun:
    """Leave out what an analyser says about files that it was not given: they would be read.

    Then it did not understand its own task, and its silence proves nothing.
    """
    findings = tuple(finding for finding in run.findings if finding.path in paths)
    if len(findings) == len(run.findings):
        return run
    return replace(run, findings=findings, completed=False)


def _join(runs: Sequence[AnalyzerRun], lines: Sequence[str]) -> AnalyzerRun:
    """Return the runs of several analysers over one text as one."""
    return AnalyzerRun(
        findings=tuple(_identify((finding for run in runs for finding in run.findings), lines)),
        skipped=tuple(skip for run in runs for skip in run.skipped),
        completed=bool(runs) and all(run.completed and not run.skipped for run in runs),
    )


def _covered_paths(paths: frozenset[str], run: AnalyzerRun) -> frozenset[str]:
    """Return the files that an analyser read: none where it did not finish and names no file."""
    if not run.completed and not run.skipped:
        return frozenset()
    return paths - {skip.path for skip in run.skipped}


def _unreadable_reason(file: Path) -> str | None:
    """Return why a file is no text, or None; it may vanish or change after it was listed."""
    try:
        content = file.read_bytes()
    except OSError:
        return "unreadable"
    return "not_utf8" if decode(content) is None else None


def _identify_all(folder: Path, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.path].append(finding)
    identified: list[Finding] = []
    for path, group in sorted(groups.items()):
        source = decode((folder / path).read_bytes())
        identified += _identify(group, source.lines if source else ())
    return tuple(identified)


def _identify(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    """Return one file's findings with secrets masked, an identity each, and suppressions marked."""
    unidentified = list(findings)
    identified = identify(mask_secrets(unidentified, lines), hide_secrets(unidentified, lines))
    return mark_suppressed(identified, lines)
