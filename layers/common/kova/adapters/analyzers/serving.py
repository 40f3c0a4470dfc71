"""The child's side of an analyser of our own.

Every run pays for what is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from kova.analysis.limits import MOST_FINDINGS
from kova.analysis.source_text import decode
from kova.version import VERSION

TOO_DEEP: Final = 75
"""The child's status for a file that nests deeper than it can follow."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """What a rule of ours says. Lines and columns of characters from 1, the end exclusive."""

    rule: str
    start: tuple[int, int]
    end: tuple[int, int]
    message: str


def serve(check: Callable[[str, str], Iterable[Hit]]) -> None:
    """Answer for a child: check every file that the parent names.

    A file on which a reader gives up for its depth fails the batch; the parent halves it until
    the file is alone, and says so.
    """
    if sys.argv[-1] == "--version":
        version = ".".join(map(str, sys.version_info[:3]))
        sys.stdout.write(f"{VERSION} Python {version}")
        return
    sys.setrecursionlimit(8_000)
    names = os.fsdecode(sys.stdin.buffer.read()).split("\0")
    try:
        answer = [diagnostic for name in names if name for diagnostic in _check_file(check, name)]
    except RecursionError:
        sys.exit(TOO_DEEP)
    sys.stdout.write(json.dumps(answer))


def _check_file(check: Callable[[str, str], Iterable[Hit]], name: str) -> list[dict[str, Any]]:
    source = decode(Path(name).read_bytes())
    if source is None:
        return []
    hits = islice(check(name, source.text), MOST_FINDINGS + 1)
    return [{"path": name, **hit.__dict__} for hit in hits]
