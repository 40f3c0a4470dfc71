"""The syntax of configuration files: JSON, YAML, TOML, by readers of ours in a child process."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Final

from kova.adapters.analyzers.child import ChildAnalyzer
from kova.adapters.analyzers.rules.tools import SYNTAX

_SUFFIXES: Final = frozenset({".json", ".ipynb", ".webmanifest", ".yml", ".yaml", ".toml"})


class SyntaxAnalyzer(ChildAnalyzer):
    """JSON, YAML and TOML."""

    name = "syntax"
    program = "python"
    catalogue = SYNTAX
    module = "kova.adapters.analyzers.syntax_readers.__main__"

    @cached_property
    def identity(self) -> str:
        """As for every program, and by the version of the library that reads YAML."""
        return f"{super().identity} PyYAML {version('PyYAML')}"

    def handles(self, path: str) -> bool:
        """Tell whether it is JSON, YAML or TOML, and no lock file."""
        pure = PurePosixPath(path)
        return pure.suffix in _SUFFIXES and "lock" not in pure.stem
