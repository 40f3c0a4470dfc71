"""What a file defines and imports, read by a child process with limits.

Parsers of foreign text overflow their stack on a file that nests deeply, and take their process
along: LibCST on 1,500 parentheses. The worker must not be that process.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from kova.adapters.analyzers.launching import python_command
from kova.adapters.analyzers.process import ProcessLimits, run
from kova.fixes.outline import Outline

SUFFIXES: Final = frozenset({".py", ".pyi", ".pyw", ".yml", ".yaml"})
_MODULE: Final = "kova.adapters.analyzers.outline_child"
_LIMITS: Final = ProcessLimits(seconds=30.0)
_TOGETHER_SECONDS: Final = 90.0


class BoundedSyntax:
    """Implements fixes.ports.SyntaxReader for Python and YAML."""

    def __init__(self, limits: ProcessLimits = _LIMITS) -> None:
        """`limits` are those of one child; one that a file ends is followed by another."""
        self._limits = limits

    def handles(self, path: str) -> bool:
        """Tell whether it is Python or YAML."""
        return PurePosixPath(path).suffix in SUFFIXES

    def outlines(self, files: Sequence[tuple[str, str]]) -> list[Outline | None]:
        """Return the outline of each text; None where it does not parse or ends its reader."""
        if not files:
            return []
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            names = [
                f"{number}{PurePosixPath(path).suffix}" for number, (path, _) in enumerate(files)
            ]
            for file_name, (_, text) in zip(names, files, strict=True):
                Path(name, file_name).write_bytes(text.encode("utf-8", "surrogatepass"))
            return self._read(Path(name), names)

    def _read(self, folder: Path, names: Sequence[str]) -> list[Outline | None]:
        outlines: list[Outline | None] = []
        deadline = time.monotonic() + _TOGETHER_SECONDS
        while len(outlines) < len(names):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return [*outlines, *[None] * (len(names) - len(outlines))]
            completed = run(
                python_command(_MODULE),
                folder=folder,
                limits=replace(self._limits, seconds=min(self._limits.seconds, remaining)),
                stdin="\0".join(names[len(outlines) :]).encode(),
            )
            # The last piece is empty, or a line that was cut off.
            outlines += [_decode(line) for line in completed.output.split(b"\n")[:-1]]
            if len(outlines) < len(names):
                outlines.append(None)  # The file on which the child ended.
        return outlines


def _decode(line: bytes) -> Outline | None:
    fields = json.loads(line)
    if fields is None:
        return None
    definitions, names, imports = fields
    return Outline(
        definitions={name: tuple(signature) for name, signature in definitions.items()},
        names=frozenset(names),
        imports=frozenset(imports),
    )
