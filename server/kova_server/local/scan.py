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
from kova.analysis.repository_settings import KovaTomlSettings
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.select_files import select_files
from kova.bootstrap.analyzers import local_analyzers, missing_analyzers, prove_fix
from kova.bootstrap.settings import load_settings
from kova.fixes.fix import FileFixes, FixStatus, ProvedFix
from kova.fixes.propose_fixes import ProposeFixes
from kova.scans.sarif_import import parse_sarif
from kova.shared.code_source import FetchLimits
from kova.shared.exceptions import InvalidInputError
from kova.shared.limits import SARIF_BYTES
from kova.shared.markdown import plural
from kova.shared.skipped import Skipped
from kova_server.local.files import Listing, list_files


@dataclass(frozen=True, kw_only=True)
class LocalScan:
    """The result of one local scan.

    Attributes:
        applied: fingerprints of the findings whose fixes were written.
        listing: the files of the folder, and those that were left out.
        absent: optional analysers that are not installed.
        unwritten: files whose fixes could not be written, and why.
    """

    analysis: Analysis
    fixes: tuple[ProvedFix, ...]
    applied: frozenset[str]
    duration_ms: int
    listing: Listing
    absent: tuple[str, ...] = ()
    unwritten: tuple[Skipped, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """The analysers that had files to read and read none of them."""
        return tuple(
            coverage.name
            for coverage in self.analysis.coverage
            if coverage.name in self.analysis.incomplete and not coverage.paths
        )

    @property
    def remaining(self) -> tuple[Finding, ...]:
        """The findings whose fixes were not written."""
        return tuple(
            finding for finding in self.analysis.findings if finding.fingerprint not in self.applied
        )


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """The options of `kova scan`."""

    fix: bool = False
    apply: bool = False
    unsafe: bool = False
    sarif: tuple[Path, ...] = ()
    settings: KovaTomlSettings = field(default_factory=KovaTomlSettings)
    exclude: tuple[str, ...] = ()
    ignore_files: bool = True


def scan_folder(
    folder: Path, options: LocalOptions, progress: Callable[[str], None] = lambda _: None
) -> LocalScan:
    """Scan a folder; with `apply`, write the safe fixes that can be combined.

    Raises:
        NotConfiguredError: an analyser's program is missing.
        InvalidInputError: a SARIF file or a pattern of `exclude` is not valid.
        OSError: the folder cannot be read.
    """
    started = time.monotonic()
    settings = load_settings(os.environ, connects=False)
    analyzers = AnalyzeTree(local_analyzers(settings))
    progress("reading the folder")
    listing = list_files(
        folder, analyzers.handles, exclude=options.exclude, ignore_files=options.ignore_files
    )
    analysis = _analyze(folder, analyzers, listing, options, progress)
    fixes: tuple[ProvedFix, ...] = ()
    applied: frozenset[str] = frozenset()
    unwritten: tuple[Skipped, ...] = ()
    if options.fix or options.apply or options.unsafe:
        files = _propose(folder, analyzers, analysis, options, progress)
        fixes = _mark_uncombined(files)
        if options.apply:
            applied, unwritten = _write(folder, files)
    return LocalScan(
        analysis=analysis,
        fixes=fixes,
        applied=applied,
        duration_ms=round((time.monotonic() - started) * 1000),
        listing=listing,
        absent=tuple(missing_analyzers(settings)),
        unwritten=unwritten,
    )


@contextmanager
def stopping_at_interrupt() -> Iterator[None]:
    """Let Ctrl-C also stop the analysers, which run in process groups of their own."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop_programs()
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _analyze(
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
        analysis = _with_sarif(analysis, log, folder)
    return analysis


def _propose(
    folder: Path,
    analyzers: AnalyzeTree,
    analysis: Analysis,
    options: LocalOptions,
    progress: Callable[[str], None],
) -> list[FileFixes]:
    proposer = ProposeFixes(prove_fix(analyzers), max_fixes=100_000, unsafe=options.unsafe)
    count = 0

    def on_outcome(fix: ProvedFix) -> None:
        nonlocal count
        count += 1
        progress(f"proving fixes: {count}, now {fix.finding.path}")

    return list(proposer.propose(folder, analysis, progress=on_outcome).values())


def _with_findings(analysis: Analysis, findings: Sequence[Finding]) -> Analysis:
    """Add findings to the analysis, each to the reported or to the suppressed ones."""
    reported = tuple(finding for finding in findings if finding.suppressed is None)
    suppressed = tuple(finding for finding in findings if finding.suppressed is not None)
    return replace(
        analysis,
        findings=(*analysis.findings, *reported),
        suppressed=(*analysis.suppressed, *suppressed),
    )


def _with_sarif(analysis: Analysis, log: Path, folder: Path) -> Analysis:
    """Add the results of a SARIF file; those that cannot be used are listed as skipped."""
    try:
        with log.open("rb") as file:
            runs = parse_sarif(file.read(SARIF_BYTES + 1), _names_of(folder))
    except OSError as exc:
        raise InvalidInputError(f"{log}: {exc.strerror}.") from exc
    except InvalidInputError as exc:
        raise InvalidInputError(f"{log}: {exc.message}") from exc
    refused = [
        Skipped(path=log.name, reason=f"sarif_{reason}") for run in runs for reason in run.refused
    ]
    own = {part.name for part in analysis.coverage}
    runs = [run.separate() if run.tool in own else run for run in runs]
    analysis = _with_findings(analysis, [finding for run in runs for finding in run.findings])
    return replace(analysis, skipped=tuple(sorted({*analysis.skipped, *refused})))


def _names_of(folder: Path) -> list[str]:
    """Return the folder as it was named, as the shell names it, and as it is without links.

    A tool may write any of them.
    """
    in_shell = Path(os.path.normpath(Path(os.environ.get("PWD", "/"), folder)))
    places = [folder.absolute(), folder.resolve()]
    if in_shell.exists() and in_shell.samefile(folder):
        places.append(in_shell)
    return [str(place) for place in dict.fromkeys(places)]


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


def _write(folder: Path, files: Sequence[FileFixes]) -> tuple[frozenset[str], tuple[Skipped, ...]]:
    """Write the files that have combined fixes.

    Returns:
        The fingerprints of what is fixed, and the files that could not be written.
    """
    applied: set[str] = set()
    unwritten: list[Skipped] = []
    for file in files:
        if file.content is None:
            continue
        try:
            _replace(folder / file.path, file.content)
        except OSError as exc:
            unwritten.append(Skipped(path=file.path, reason=exc.strerror or type(exc).__name__))
        else:
            applied |= {fix.finding.fingerprint for fix in file.combined}
    return frozenset(applied), tuple(unwritten)


def _replace(target: Path, content: bytes) -> None:
    """Replace a file by one with this content and the same mode."""
    mode = target.stat().st_mode & 0o7777
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as temporary:
        temporary_file = Path(temporary.name)
        try:
            temporary.write(content)
            temporary.flush()
            temporary_file.chmod(mode)
            temporary_file.replace(target)
        except OSError:
            temporary_file.unlink()
            raise
