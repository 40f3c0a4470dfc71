"""Our own rules for Python as an analyser: named `kova`, in a child process."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from kova.adapters.analyzers.child import ChildAnalyzer
from kova.adapters.analyzers.python_rules.prefilter import may_find
from kova.adapters.analyzers.python_rules.taint import model
from kova.adapters.analyzers.rules.python import RULES

model.check_tables()
RULES.require("taint/model.py", (rule for rule, _ in model.RULES.values()))


class PythonAnalyzer(ChildAnalyzer):
    """Weak randomness and hashes by use, SQL from strings, requests, input that does harm."""

    name = "kova"
    program = "python"
    catalogue = RULES
    batch = 200
    module = "kova.adapters.analyzers.python_rules.__main__"

    def handles(self, path: str) -> bool:
        """Tell whether it is Python that runs."""
        return PurePosixPath(path).suffix in {".py", ".pyw"}

    def may_match(self, path: str, folder: Path) -> bool:
        """Look for the words without which no rule can match."""
        return may_find((folder / path).read_bytes())
