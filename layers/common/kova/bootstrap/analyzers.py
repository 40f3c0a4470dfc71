"""The analysers and the prover that a worker carries."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

from kova.bootstrap.settings import SettingsError
from kova.ports.analyzer import Analyzer
from kova.usecases.analyze_tree import AnalyzeTree
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


def prove_fix(analyze: AnalyzeTree) -> ProveFix:
    """Make the prover for these analysers."""
    from kova.adapters.analyzers.python_syntax import PythonSyntax  # LibCST: workers only.

    return ProveFix(analyze=analyze, syntax=[PythonSyntax()])
