"""Run every analyser over a folder or one text, and give each finding its identity."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kova.analysis.analysis import Analysis, AnalyzerCoverage
from kova.analysis.finding import Finding
from kova.analysis.fingerprint import identify
from kova.analysis.ports import Analyzer, AnalyzerRun, Text
from kova.analysis.secrets import masked, without_secrets
from kova.analysis.source_text import SourceText, decode
from kova.analysis.suppression import mark_suppressed
from kova.shared.skipped import Skipped

_MOST_PATHS = 100_000


@dataclass(frozen=True, kw_only=True)
class TreeRun:
    """What the analysers say of some files; `covered` has what each one read to the end."""

    findings: tuple[Finding, ...]
    skipped: frozenset[Skipped] = frozenset()
    covered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    incomplete: frozenset[str] = frozenset()


class AnalyzeTree:
    """All analysers, side by side; one that fails is said in `skipped` and harms no other."""

    def __init__(self, analyzers: Sequence[Analyzer], *, parallel: int = 3) -> None:
        """Take the analysers, and how many may run at once: each has its share of the memory."""
        self._analyzers = analyzers
        self._parallel = parallel
        self._digests: dict[frozenset[str], str] = {}
        self._readers: dict[str, frozenset[str]] = {}

    @cached_property
    def identities(self) -> Mapping[str, str]:
        """Each analyser's identity by its name. Slow at first: some ask their program."""
        return {one.name: one.identity for one in self._analyzers}

    @cached_property
    def programs(self) -> frozenset[str]:
        """The names of analysers that need all files to judge one."""
        return frozenset(one.name for one in self._analyzers if one.whole_program)

    def handles(self, path: str) -> bool:
        """Tell whether any analyser reads such a file."""
        return bool(self._all_readers(path))

    def readers(self, path: str, *, programs: bool = False) -> frozenset[str]:
        """Return the names of the analysers that read such a file."""
        found = self._all_readers(path)
        return found & self.programs if programs else found - self.programs

    def _all_readers(self, path: str) -> frozenset[str]:
        """Ask each analyser once a path: a scan asks several times about each of many files."""
        known = self._readers.get(path)
        if known is None:
            if len(self._readers) >= _MOST_PATHS:
                self._readers.clear()
            known = frozenset(one.name for one in self._analyzers if one.handles(path))
            self._readers[path] = known
        return known

    def digest(self, names: frozenset[str]) -> str:
        """Return what these analysers are: with the same digest, equal files, equal findings."""
        known = self._digests.get(names)
        if known is None:
            text = "\x1f".join(f"{name}\x1e{self.identities[name]}" for name in sorted(names))
            known = self._digests[names] = hashlib.blake2b(
                text.encode("utf-8", "replace"), digest_size=12
            ).hexdigest()
        return known

    def run(
        self,
        folder: Path,
        paths: Sequence[str],
        skipped: Sequence[Skipped] = (),
        progress: Callable[[str], None] | None = None,
    ) -> Analysis:
        """Analyse all files below a folder.

        Args:
            folder: where the files are.
            paths: the files to analyse, relative to the folder.
            skipped: what was left out before, to be told along.
            progress: called with the name of each analyser that ends.
        """
        ran = self.files(folder, paths, programs=paths, progress=progress)
        left_out = {*skipped, *ran.skipped}
        unread = {one.path for one in left_out}
        return Analysis(
            findings=tuple(one for one in ran.findings if one.suppressed is None),
            suppressed=tuple(one for one in ran.findings if one.suppressed is not None),
            skipped=tuple(sorted(left_out)),
            files=len(paths) + len({one.path for one in skipped}),
            analyzed=frozenset(path for path in paths if path not in unread),
            incomplete=ran.incomplete,
            coverage=self.coverage(ran.covered),
        )

    def coverage(self, covered: Mapping[str, frozenset[str]]) -> tuple[AnalyzerCoverage, ...]:
        """Say where each analyser ran."""
        return tuple(
            AnalyzerCoverage(
                name=one.name,
                identity=self.identities[one.name],
                paths=paths,
                any_text=one.any_text,
            )
            for one in self._analyzers
            if (paths := covered.get(one.name)) is not None
        )

    def files(
        self,
        folder: Path,
        paths: Sequence[str],
        *,
        programs: Sequence[str] = (),
        progress: Callable[[str], None] | None = None,
    ) -> TreeRun:
        """Analyse files below a folder; those that cannot be read or are not UTF-8 are said.

        Args:
            folder: where the files are.
            paths: files for the analysers that judge each file by itself.
            programs: files for those that judge a whole program.
            progress: called with the name of each analyser that ends.
        """
        everything = sorted({*paths, *programs})
        unfit = {path: reason for path in everything if (reason := _unfit(folder / path))}

        def one(analyzer: Analyzer) -> tuple[frozenset[str], AnalyzerRun]:
            chosen = programs if analyzer.whole_program else paths
            mine = [path for path in chosen if path not in unfit and analyzer.handles(path)]
            run = analyzer.analyze(folder, mine) if mine else AnalyzerRun(findings=())
            if progress:
                progress(analyzer.name)
            return frozenset(mine), run

        with ThreadPoolExecutor(max_workers=self._parallel) as pool:
            runs = list(zip(self._analyzers, pool.map(one, self._analyzers), strict=True))
        said = frozenset(Skipped(path=path, reason=reason) for path, reason in unfit.items())
        return TreeRun(
            findings=_identified(folder, (one for _, (_, run) in runs for one in run.findings)),
            skipped=said.union(*(run.skipped for _, (_, run) in runs)),
            covered={tool.name: _covered(mine, run) for tool, (mine, run) in runs},
            incomplete=frozenset(tool.name for tool, (_, run) in runs if not run.completed),
        )

    def texts(self, texts: Sequence[tuple[str, SourceText]]) -> list[AnalyzerRun]:
        """Analyse texts, each as if it stood at its path, with every analyser that reads it.

        Suppressed findings are among the findings: what a comment silences is still there.

        Returns:
            One run a text, in order.
        """
        given = [Text(path=path, content=source.encode()) for path, source in texts]

        def one(analyzer: Analyzer) -> dict[int, AnalyzerRun]:
            mine = [number for number, text in enumerate(given) if analyzer.handles(text.path)]
            runs = analyzer.analyze_texts([given[number] for number in mine]) if mine else []
            return dict(zip(mine, runs, strict=True))

        chosen = [one for one in self._analyzers if not one.whole_program]
        with ThreadPoolExecutor(max_workers=self._parallel) as pool:
            tools = list(pool.map(one, chosen))
        return [
            _together([runs[number] for runs in tools if number in runs], source.lines)
            for number, (_, source) in enumerate(texts)
        ]


def _together(runs: Sequence[AnalyzerRun], lines: Sequence[str]) -> AnalyzerRun:
    return AnalyzerRun(
        findings=tuple(_of_file((finding for run in runs for finding in run.findings), lines)),
        skipped=tuple(one for run in runs for one in run.skipped),
        completed=bool(runs) and all(run.completed and not run.skipped for run in runs),
    )


def _covered(mine: frozenset[str], run: AnalyzerRun) -> frozenset[str]:
    """Return the files that an analyser read: not finishing without a word covers none."""
    if not run.completed and not run.skipped:
        return frozenset()
    return mine - {one.path for one in run.skipped}


def _unfit(file: Path) -> str | None:
    """Say why a file is no text; one may vanish or be closed to us after it was listed."""
    try:
        content = file.read_bytes()
    except OSError:
        return "unreadable"
    return "not_utf8" if decode(content) is None else None


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
    found = list(findings)
    identified = identify(masked(found, lines), without_secrets(found, lines))
    return mark_suppressed(identified, lines)
