"""The analysers that Kova knows. Adding one is a line here (docs/adding-an-analyser.md)."""

from __future__ import annotations

from typing import Final

from kova.adapters.analyzers.betterleaks import BetterleaksAnalyzer
from kova.adapters.analyzers.hadolint import HadolintAnalyzer
from kova.adapters.analyzers.oxlint import OxlintAnalyzer
from kova.adapters.analyzers.program import ProgramAnalyzer
from kova.adapters.analyzers.pyrefly import PyreflyAnalyzer
from kova.adapters.analyzers.python import PythonAnalyzer
from kova.adapters.analyzers.ruff import RuffAnalyzer
from kova.adapters.analyzers.shellcheck import ShellcheckAnalyzer
from kova.adapters.analyzers.syntax import SyntaxAnalyzer
from kova.adapters.analyzers.zizmor import ZizmorAnalyzer

ANALYZERS: Final[tuple[type[ProgramAnalyzer], ...]] = (
    RuffAnalyzer,
    PythonAnalyzer,
    OxlintAnalyzer,
    BetterleaksAnalyzer,
    ZizmorAnalyzer,
    SyntaxAnalyzer,
    ShellcheckAnalyzer,
    HadolintAnalyzer,
    PyreflyAnalyzer,
)
