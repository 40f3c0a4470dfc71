"""The analysers and the fixer that a worker carries."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

from kova.bootstrap.settings import SettingsError
from kova.ports.analyzer import Analyzer
from kova.usecases.propose_fixes import ProposeFixes
from kova.usecases.prove_fix import ProveFix


def local_analyzers(ruff: str | None = None) -> list[Analyzer]:
    """Make the analysers whose programs are on this machine.

    Args:
        ruff: the program's path, where it is not beside the interpreter or on the PATH.

    Raises:
        SettingsError: a program is missing.
    """
    from kova.adapters.analyzers.ruff import RuffAnalyzer  # Workers only; see ADR 4.

    beside = Path(sysconfig.get_path("scripts")) / "ruff"
    program = ruff or (str(beside) if beside.exists() else shutil.which("ruff"))
    if program is None:
        raise SettingsError("The analyser ruff is not installed.")
    return [RuffAnalyzer(Path(program))]


def propose_fixes(analyzers: list[Analyzer]) -> ProposeFixes:
    """Make the fixer that proves with these analysers."""
    from kova.adapters.analyzers.python_syntax import PythonSyntax  # LibCST: workers only.

    return ProposeFixes(ProveFix(analyzers=analyzers, syntax=[PythonSyntax()]))
