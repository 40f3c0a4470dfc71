"""The child process that outlines files for a proof; bounded_syntax.py is its parent.

It answers with a line of JSON for each file, as soon as it has read it: what it answered before a
file that ends it is not lost.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from kova.adapters.analyzers.python_syntax import outline_python
from kova.adapters.analyzers.yaml_syntax import outline_yaml
from kova.fixes.outline import Outline

READERS: Final[Mapping[str, Callable[[str], Outline | None]]] = {
    ".py": outline_python,
    ".pyi": outline_python,
    ".pyw": outline_python,
    ".yml": outline_yaml,
    ".yaml": outline_yaml,
}
"""How a file is read, by its suffix."""


def main() -> None:
    """Outline the files that the parent names, separated by NUL."""
    sys.setrecursionlimit(8_000)
    for name in os.fsdecode(sys.stdin.buffer.read()).split("\0"):
        text = Path(name).read_bytes().decode("utf-8", "replace")
        outline = READERS[PurePosixPath(name).suffix](text)
        sys.stdout.write(json.dumps(_encode(outline)) + "\n")
        sys.stdout.flush()


def _encode(outline: Outline | None) -> object:
    if outline is None:
        return None
    return [outline.definitions, sorted(outline.names), sorted(outline.imports)]


if __name__ == "__main__":
    main()
