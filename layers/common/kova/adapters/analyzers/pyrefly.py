"""Pyrefly as an analyser: Python's names and calls across files. Optional, whole program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.ground import Ground
from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.rules.tools import PYREFLY
from kova.analysis.finding import Finding, Span, Tier

# Without this line pyrefly runs the interpreter that the tree's own pyproject.toml names.
_CONFIG: Final = b"""skip-interpreter-query = true
python-version = "3.14"
use-ignore-files = false
enabled-ignores = []
"""
_SUFFIXES: Final = frozenset({".py", ".pyi"})


class PyreflyAnalyzer(ProgramAnalyzer):
    """Python as a whole; only what a missing dependency cannot cause is told."""

    name = "pyrefly"
    program = "pyrefly"
    catalogue = PYREFLY
    optional = True
    private = True
    whole_program = True

    def handles(self, path: str) -> bool:
        """Tell whether it is Python."""
        return PurePosixPath(path).suffix in _SUFFIXES

    def own_files(self) -> Mapping[str, bytes]:
        """Our configuration in place of the tree's."""
        return {"pyrefly.toml": _CONFIG}

    def options(self, ground: Ground) -> Sequence[str]:
        """The rules that are shown; the rest is not computed for output."""
        config = ground.folder.parent / "pyrefly.toml"
        kinds = ",".join(rule for rule, one in PYREFLY.items() if one.tier is not Tier.HYGIENE)
        return (
            *("check", "--config", str(config) if ground.folder.name else "pyrefly.toml"),
            *("--output-format", "json", "--summary=none", "--progress-bar", "no"),
            *("--search-path", ".", "--only", kinds, "--threads", "1"),
        )

    def targets(self, batch: Sequence[str]) -> Sequence[str]:
        """Everything that was copied: the list may be longer than a command line."""
        del batch
        return ["--", "./**/*.py", "./**/*.pyi"]

    def read(self, done: Completed, ground: Ground) -> list[Finding]:
        """Read pyrefly's JSON."""
        return [self._finding(entry, ground) for entry in parse(done.output)["errors"]]

    def _finding(self, entry: dict[str, Any], ground: Ground) -> Finding:
        return self.finding(
            PYREFLY.weigh(entry["name"]),
            path=ground.path(entry["path"]),
            span=Span(
                start_line=entry["line"],
                start_column=entry["column"],
                end_line=entry["stop_line"],
                end_column=entry["stop_column"],
            ),
            message=entry["concise_description"],
            help_url=f"https://pyrefly.org/en/docs/error-kinds/#{entry['name']}",
        )
