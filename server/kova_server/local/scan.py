"""Scan a folder, prove fixes, write them."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from kova.adapters.analyzers.process import stop_programs
from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding
from kova.analysis.repository_settings import RepositorySettings
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.select_files import select_files
from kova.bootstrap.analyzers import local_analyzers, missing_analyzers, prove_fix
from kova.bootstrap.settings import load_settings
from kova.fixes.fix import FileFixes, FixStatus, ProvedFix
from kova.fixes.propose_fixes import ProposeFixes
from kova.scans.sarif_import import BYTES_LIMIT, parse_sarif
from kova.shared.code_source import FetchLimits
from kova.shared.markdown import plural
from kova.shared.skipped import Skipped
from kova_server.local.files import Listing, list_files


@dataclass(frozen=True, kw_only=True)
class LocalScan:
    """The result of one local scan.

    `applied` holds the fingerprints of findings mended, `absent` the optional analysers that are
    not installed here, `listing` what the walk met and what was left out on purpose.
    """

    analysis: Analysis
    fixes: tuple[ProvedFix, ...]
    applied: frozenset[str]
    duration_ms: int
    listing: Listing
    absent: tuple[str, ...] = ()

    @property
    def remaining(self) -> tuple[Finding, ...]:
        """The findings that are still there."""
        return tuple(one for one in self.analysis.findings if one.fingerprint not in self.applied)


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """What to do beside looking, and by which settings."""

    fix: bool = False
    apply: bool = False
    unsafe: bool = False
    sarif: tuple[Path, ...] = ()
    settings: RepositorySettings = field(default_factory=RepositorySettings)
    exclude: tuple[str, ...] = ()
    ignore_files: bool = True


def scan_folder(
    folder: Path, options: LocalOptions, progress: Callable[[str], None] = lambda _: None
) -> LocalScan:
    """Scan a folder; with `apply`, write the safe fixes that hold together.

    Raises:
        NotConfiguredError: an analyser's program is missing.
        InvalidInputError: a SARIF file is not SARIF, or a pattern is none.
        OSError: the folder cannot be read, or a file cannot be written.
    """
    started = time.monotonic()
    settings = load_settings(os.environ)
    analyzers = AnalyzeTree(local_analyzers(settings))
    progress("reading the folder")
    listing = list_files(
        folder, analyzers.handles, exclude=options.exclude, ignore_files=options.ignore_files
    )
    analysis = _analysis(folder, analyzers, listing, options, progress)
    fixes: tuple[ProvedFix, ...] = ()
    applied: frozenset[str] = frozenset()
    if options.fix or options.apply or options.unsafe:
        files = _propose(folder, analyzers, analysis, options, progress)
        fixes = _mark_uncombined(files)
        if options.apply:
            applied = _write(folder, files)
    return LocalScan(
        analysis=analysis,
        fixes=fixes,
        applied=applied,
        duration_ms=round((time.monotonic() - started) * 1000),
        listing=listing,
        absent=tuple(missing_analyzers(settings)),
    )


@contextmanager
def stopping_at_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the programs that analyse, too: they run in process groups of their own."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop_programs()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _analysis(
    folder: Path,
    analyzers: AnalyzeTree,
    listing: Listing,
    options: LocalOptions,
    progress: Callable[[str], None],
) -> Analysis:
    """Return what the analysers and other tools' logs say, as the settings weigh it."""
    readable = [file for file in listing.files if options.settings.reads(file.path)]
    files, left_out = select_files(readable, analyzers.handles, FetchLimits())
    progress(f"analysing {plural(len(files), 'file')}")
    paths = [file.path for file in files]
    analysis = analyzers.analyze(folder, paths, [*listing.skipped, *left_out])
    excluded = frozenset(file.path for file in listing.files) - {file.path for file in readable}
    marked = options.settings.suppress(analysis.findings)
    analysis = _with_findings(replace(analysis, findings=(), excluded=excluded), marked)
    for log in options.sarif:
        analysis = _with_results(analysis, log)
    return analysis


def _propose(
    folder: Path,
    analyzers: AnalyzeTree,
    analysis: Analysis,
    options: LocalOptions,
    progress: Callable[[str], None],
) -> list[FileFixes]:
    proposer = ProposeFixes(prove_fix(analyzers), max_fixes=100_000, unsafe=options.unsafe)
    tried = 0

    def on_outcome(fix: ProvedFix) -> None:
        nonlocal tried
        tried += 1
        progress(f"proving fixes: {tried}, now {fix.finding.path}")

    return list(proposer.propose(folder, analysis, progress=on_outcome).values())


def _with_findings(analysis: Analysis, found: Sequence[Finding]) -> Analysis:
    """Add findings, each to those that are told or to those that are suppressed."""
    told = tuple(one for one in found if one.suppressed is None)
    quiet = tuple(one for one in found if one.suppressed is not None)
    return replace(
        analysis,
        findings=(*analysis.findings, *told),
        suppressed=(*analysis.suppressed, *quiet),
    )


def _with_results(analysis: Analysis, log: Path) -> Analysis:
    """Add another tool's results; those that cannot be used are told as skipped."""
    with log.open("rb") as file:
        runs = parse_sarif(file.read(BYTES_LIMIT + 1))
    refused = [
        Skipped(path=log.name, reason=f"sarif_{reason}") for run in runs for reason in run.refused
    ]
    analysis = _with_findings(analysis, [one for run in runs for one in run.findings])
    return replace(analysis, skipped=tuple(sorted({*analysis.skipped, *refused})))


def _mark_uncombined(files: Sequence[FileFixes]) -> tuple[ProvedFix, ...]:
    """Call a safe fix verified only if it also holds together with the others of its file."""
    combined = {fix.finding.fingerprint for file in files for fix in file.combined}
    return tuple(
        replace(fix, status=FixStatus.PROPOSED)
        if fix.status is FixStatus.VERIFIED and fix.safe and fix.finding.fingerprint not in combined
        else fix
        for file in files
        for fix in file.fixes
    )


def _write(folder: Path, files: Sequence[FileFixes]) -> frozenset[str]:
    """Write the files that have combined fixes; return the fingerprints of what is fixed."""
    for file in files:
        if file.content is None:
            continue
        target = folder / file.path
        mode = target.stat().st_mode & 0o7777
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as temporary:
            written = Path(temporary.name)
            try:
                temporary.write(file.content)
                temporary.flush()
                written.chmod(mode)
                written.replace(target)
            except OSError:
                written.unlink()
                raise
    return frozenset(fix.finding.fingerprint for file in files for fix in file.combined)
