"""The log of a run: in the ledger, so that a run can go on, and as JSON lines for people."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.chaos.practice import Ledger


class Journal:
    """Lines of JSON; `line` names what a line is about: run, step, kill, fault, sweep, end."""

    def __init__(self, ledger: Ledger, file: Path | None = None) -> None:
        """`file` gets all lines: those that it lacks after an interruption, and new ones."""
        self._ledger = ledger
        self._lock = threading.Lock()
        self._file = None
        if file is not None:
            texts = [str(text) for (text,) in ledger.read("SELECT content FROM log ORDER BY id")]
            file.write_text("".join(f"{text}\n" for text in texts))
            self._file = file.open("a")

    def record(self, line: str, *statements: tuple[str, tuple[Any, ...]], **values: Any) -> None:
        """Add a line, together with other changes of the ledger."""
        text = json.dumps({"line": line, **values})
        with self._lock:
            self._ledger.write(*statements, ("INSERT INTO log (content) VALUES (?)", (text,)))
            if self._file is not None:
                self._file.write(f"{text}\n")
                self._file.flush()

    def lines(self, *kinds: str) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of these kinds in their order."""
        for (text,) in self._ledger.read("SELECT content FROM log ORDER BY id"):
            line: dict[str, Any] = json.loads(text)
            if line["line"] in kinds:
                yield line

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
