"""What all analysers that are programs share: batches, failures, private copies, identity."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Final

from kova.adapters.analyzers.code_digest import code_digest
from kova.adapters.analyzers.process import Completed, ProcessLimits, run
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Finding, ProposedEdit, Span
from kova.analysis.limits import skip_crowded
from kova.analysis.ports import AnalyzerRun, Text
from kova.analysis.rule import Catalogue, Rule
from kova.shared.batches import in_batches
from kova.shared.skipped import Skipped
from kova.shared.text import clean, shorten

_BATCH: Final = 1_000  # Paths in one command line,
_BATCH_BYTES: Final = 200_000  # and their bytes, well below the kernel's limit.
_RETRIES: Final = 400  # Runs beyond the first ones, to find the files on which a batch failed.
_MESSAGE_LIMIT: Final = 1_000
_UNREAD: Final = "unreadable_input"
_READING: Final = threading.Lock()
"""Answers are read one at a time: their JSON takes ten times their size for a moment."""


class UnreadableError(Exception):
    """The tool cannot read a file as its kind; the tool has not failed."""


class RefusedError(UnreadableError):
    """The tool stopped at this file and reported nothing about the others."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class PassedOverError(UnreadableError):
    """The tool skipped some files and read the others."""

    def __init__(self, findings: Sequence[Finding], read: Container[str]) -> None:
        super().__init__()
        self.findings = findings
        self.read = read


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """The result of one run over a batch.

    Attributes:
        findings: what the tool reported.
        reason: why the run says nothing about the batch, None where it does.
        failed: the tool is at fault, and not a file.
        unread: files that the tool could not read as their kind.
    """

    findings: Sequence[Finding] = ()
    reason: str | None = None
    failed: bool = False
    unread: Sequence[str] = ()


class ProgramAnalyzer(ABC):
    """Implements analysis.ports.Analyzer with a program; a subclass says how to call and read it.

    Attributes:
        program: the program's file name.
        optional: Kova runs without it.
        by_folder: each run gets a folder with its batch and nothing else, under names that mean
            nothing, and is told the folder; the files are the tree's own and must only be read.
        batch: the most files of one run.
        private: the tool runs on a copy that holds the files it handles and nothing else, so that
            no configuration and no ignore file of the tree is near.
        catalogue: the rules that are run.
    """

    name: ClassVar[str]
    program: ClassVar[str]
    optional: ClassVar[bool] = False
    private: ClassVar[bool] = False
    by_folder: ClassVar[bool] = False
    batch: ClassVar[int] = _BATCH
    whole_program: bool = False
    any_text: bool = False
    catalogue: ClassVar[Catalogue]
    found_statuses: ClassVar[frozenset[int]] = frozenset({0, 1})

    def __init__(self, program: Path, limits: ProcessLimits | None = None) -> None:
        self._program = str(program)
        self._limits = limits or ProcessLimits()

    @staticmethod
    def locate(program: Path) -> Path:
        """Return the program to run for the path at which it was found."""
        return program

    @abstractmethod
    def handles(self, path: str) -> bool:
        """Tell whether this analyser reads such a file."""

    @abstractmethod
    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """Return the arguments before the paths."""

    @abstractmethod
    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Return the findings of one run.

        Raises:
            ValueError, KeyError, TypeError, RecursionError: the output is not what it should be.
            UnreadableError: the tool cannot read a file as its kind.
        """

    def own_files(self) -> Mapping[str, bytes]:
        """Return files to write beside the private copy: our configuration of the tool."""
        return {}

    def prepare(self, content: bytes) -> bytes:
        """Return a file's content for the private copy, with nothing moved."""
        return content

    def reason_to_skip(self, path: str, content: bytes) -> str | None:
        """Return why a file is left out of the private copy, None where it is not."""
        del path, content
        return None

    def variables(self) -> Mapping[str, str]:
        """Environment variables for the program."""
        return {}

    @cached_property
    def identity(self) -> str:
        """The program's version, the options it is called with, and the code that weighs."""
        completed = run([*self.launch, "--version"], folder=Path("/"), limits=self._limits)
        version = " ".join(completed.output.decode("utf-8", "replace").split())
        parts = [
            *self.options(ToolWorkspace(Path("/"))),
            *(f"{name}={content!r}" for name, content in self.own_files().items()),
            *map(repr, self.catalogue.values()),
            code_digest(),
        ]
        options = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
        return shorten(f"{self.name} {version} {options}", 200)

    @property
    def launch(self) -> Sequence[str]:
        """The command without options."""
        return (self._program,)

    def analyze(self, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
        """Analyse files below a folder."""
        if not self.private:
            return self._run_batches(ToolWorkspace(folder), paths)
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            for own, content in self.own_files().items():
                Path(name, own).write_bytes(content)
            tree = Path(name, "tree")
            tree.mkdir()
            fit, skipped = self._copy(folder, tree, paths)
            completed = self._run_batches(ToolWorkspace(tree), fit)
        return AnalyzerRun(
            findings=completed.findings,
            skipped=(*skipped, *completed.skipped),
            completed=completed.completed,
        )

    def analyze_texts(self, texts: Sequence[Text]) -> list[AnalyzerRun]:
        """Analyse contents in one run, each below a numbered folder of its own.

        What a path says (a test, a workflow) holds below any folder: see analysis/rule.py.
        """
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            paths = [f"{number}/{text.path}" for number, text in enumerate(texts)]
            for path, text in zip(paths, texts, strict=True):
                target = Path(name, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text.content)
            return _split_by_text(self.analyze(Path(name), paths), texts)

    def _copy(
        self, folder: Path, tree: Path, paths: Sequence[str]
    ) -> tuple[list[str], list[Skipped]]:
        fit: list[str] = []
        skipped: list[Skipped] = []
        for path in paths:
            content = (folder / path).read_bytes()
            if reason := self.reason_to_skip(path, content):
                skipped += self._skip([path], reason)
                continue
            target = tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.prepare(content))
            fit.append(path)
        return fit, skipped

    def _run_batches(self, workspace: ToolWorkspace, paths: Sequence[str]) -> AnalyzerRun:
        """Run batch after batch; one that fails is halved until the file that did it is alone."""
        findings: list[Finding] = []
        skipped: list[Skipped] = []
        failed = False
        indivisible = self.whole_program or self.by_folder
        pending = [list(paths)] if indivisible else self._batches(paths)
        retries, deadline = _RETRIES, time.monotonic() + 4 * self._limits.seconds
        while pending:
            batch = pending.pop()
            remaining = deadline - time.monotonic()
            if retries < _RETRIES:
                remaining = min(
                    remaining, self._limits.seconds / 4
                )  # Halves are quick, or hold the cause.
            completed = self._run_batch(workspace, batch, remaining)
            # Of all so far: the files with the most go, and not those that come last.
            kept = skip_crowded(self.name, AnalyzerRun(findings=(*findings, *completed.findings)))
            findings = list(kept.findings)
            skipped += kept.skipped
            skipped += self._skip(completed.unread, _UNREAD)
            if completed.reason is None:
                continue
            batch = [path for path in batch if path not in completed.unread]
            if len(batch) > 1 and not self.whole_program and retries > 0 and remaining > 0:
                retries -= 1
                pending += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
                continue
            if completed.unread and batch:
                pending.append(batch)
                continue
            failed |= completed.failed
            skipped += self._skip(batch, completed.reason)
        return AnalyzerRun(findings=tuple(findings), skipped=tuple(skipped), completed=not failed)

    def _skip(self, paths: Sequence[str], reason: str) -> list[Skipped]:
        return [Skipped(path=path, reason=f"{self.name}_{reason}") for path in paths]

    def _batches(self, paths: Sequence[str]) -> list[list[str]]:
        return list(in_batches(paths, size=_length, limit=_BATCH_BYTES, count=self.batch))

    def _run_batch(
        self, workspace: ToolWorkspace, batch: Sequence[str], seconds: float
    ) -> _Outcome:
        if not batch:
            return _Outcome()
        if seconds <= 0:
            return _Outcome(reason="timed_out", failed=True)
        if not self.by_folder:
            return self._run_program(workspace, batch, seconds)
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            names = {f"k{n:05}k{PurePosixPath(path).suffix}": path for n, path in enumerate(batch)}
            for link, path in names.items():
                _link_or_copy(workspace.folder / path, Path(name, link))
            return self._run_program(ToolWorkspace(Path(name), names), batch, seconds)

    def _run_program(
        self, workspace: ToolWorkspace, batch: Sequence[str], seconds: float
    ) -> _Outcome:
        end = time.monotonic() + seconds
        outcome = self._read_program(workspace, batch, seconds)
        try:
            findings = self.complete(outcome.findings, workspace, end - time.monotonic())
        except OSError:
            return _Outcome(reason="garbled_output", failed=True)
        return replace(outcome, findings=findings)

    def complete(
        self, findings: Sequence[Finding], workspace: ToolWorkspace, seconds: float
    ) -> Sequence[Finding]:
        """Add to the findings of a batch what takes another run of the program."""
        del workspace, seconds
        return findings

    def _read_program(
        self, workspace: ToolWorkspace, batch: Sequence[str], seconds: float
    ) -> _Outcome:
        limits = replace(self._limits, seconds=min(seconds, self._limits.seconds))
        completed = run(
            [*self.launch, *self.options(workspace), *self.targets(batch)],
            folder=workspace.folder,
            limits=limits,
            variables=self.variables(),
            stdin=self.stdin(batch),
            readable=[workspace.folder.parent] if self.private else (),
        )
        if completed.reason:
            return _Outcome(reason=completed.reason, failed=True)
        try:
            if completed.status not in self.found_statuses:
                return _Outcome(reason=self.failure(completed), failed=True)
            with _READING:
                return _Outcome(findings=self.read(completed, workspace))
        except PassedOverError as exc:
            unread = tuple(path for path in batch if path not in exc.read)
            return _Outcome(findings=exc.findings, unread=unread)
        except RefusedError as exc:
            return _Outcome(reason=_UNREAD, unread=(exc.path,) if exc.path in batch else ())
        except UnreadableError:
            return _Outcome(reason=_UNREAD)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError):
            return _Outcome(reason="garbled_output", failed=True)

    def targets(self, batch: Sequence[str]) -> Sequence[str]:
        """Return the arguments that name the files."""
        return ["--", *(f"./{path}" for path in batch)]

    def stdin(self, batch: Sequence[str]) -> bytes:
        """Return what the program reads."""
        del batch
        return b""

    def failure(self, completed: Completed) -> str:
        """Name the failure of a run with an unexpected status."""
        del completed
        return "crashed"

    def finding(
        self,
        rule: Rule,
        *,
        path: str,
        span: Span,
        message: str,
        help_url: str | None = None,
        edit: ProposedEdit | None = None,
        **attributes: Any,
    ) -> Finding:
        """Make a finding that weighs what its rule says at this path."""
        weight = rule.at(path)
        return Finding(
            analyzer=self.name,
            rule_id=rule.id,
            severity=weight.severity,
            tier=weight.tier,
            confidence=weight.confidence,
            category=weight.category,
            cwe=weight.cwe,
            message=shorten(clean(" ".join(message.split())), _MESSAGE_LIMIT),
            # Thousands of findings may have one path, which may have thousands of characters.
            path=sys.intern(path),
            span=span,
            help_url=help_url and sys.intern(help_url),
            edit=edit,
            **attributes,
        )


def parse(output: bytes) -> Any:
    """Parse a tool's JSON.

    Raises:
        ValueError, RecursionError: it is none.
    """
    return json.loads(output)


def _link_or_copy(source: Path, target: Path) -> None:
    """Link a file to another path, or copy it; a link costs a fortieth of a copy."""
    try:
        target.hardlink_to(source)
    except OSError:  # Another file system, or somebody else's file.
        shutil.copyfile(source, target)


def _split_by_text(run: AnalyzerRun, texts: Sequence[Text]) -> list[AnalyzerRun]:
    """Split the result of a run over numbered folders by the text in each."""
    findings: dict[str, list[Finding]] = defaultdict(list)
    skipped: dict[str, list[Skipped]] = defaultdict(list)
    for finding in run.findings:
        number, _, path = finding.path.partition("/")
        findings[number].append(replace(finding, path=path))
    for skipped_file in run.skipped:
        number, _, path = skipped_file.path.partition("/")
        skipped[number].append(replace(skipped_file, path=path))
    # A failure that names no file may have hidden something in any.
    unnamed = not run.completed and not skipped
    return [
        AnalyzerRun(
            findings=tuple(findings[number]),
            skipped=tuple(skipped[number]),
            completed=not (unnamed or skipped[number]),
        )
        for number in map(str, range(len(texts)))
    ]


def _length(path: str) -> int:
    """Return about how many bytes a path takes in a command line."""
    return len(path.encode("utf-8", "surrogateescape")) + 16
