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
from typing import Any

from kova.analysis.limits import MOST_FINDINGS
from kova.analysis.source_text import decode
from kova.version import VERSION


@dataclass(frozen=True, kw_only=True)
class Hit:
    """What a rule of ours says. Lines and columns of characters from 1, the end exclusive."""

    rule: str
    start: tuple[int, int]
    end: tuple[int, int]
    message: str


def serve(check: Callable[[str, str], Iterable[Hit]]) -> None:
    """Answer for a child: check every file that the parent names.

    The answer says which files were read, and on which a reader gave up for their depth.
    """
    if sys.argv[-1] == "--version":
        version = ".".join(map(str, sys.version_info[:3]))
        sys.stdout.write(f"{VERSION} Python {version}")
        return
    sys.setrecursionlimit(8_000)
    diagnostics: list[dict[str, Any]] = []
    read: list[str] = []
    too_deep: list[str] = []
    for name in filter(None, os.fsdecode(sys.stdin.buffer.read()).split("\0")):
        try:
            diagnostics += _check_file(check, name)
        except RecursionError:
            too_deep.append(name)
        else:
            read.append(name)
    sys.stdout.write(json.dumps({"diagnostics": diagnostics, "read": read, "too_deep": too_deep}))


def _check_file(check: Callable[[str, str], Iterable[Hit]], name: str) -> list[dict[str, Any]]:
    source = decode(Path(name).read_bytes())
    if source is None:
        return []
    hits = islice(check(name, source.text), MOST_FINDINGS + 1)
    return [{"path": name, **hit.__dict__} for hit in hits]
