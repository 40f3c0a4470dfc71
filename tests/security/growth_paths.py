"""What runs over foreign text in Kova's own processes, each with the worst input known for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kova.analysis.finding import Finding, ProposedEdit, Span, TextEdit
from kova.analysis.fingerprint import identify
from tests.support.findings import finding


@dataclass(frozen=True, kw_only=True)
class GrowthPath:
    """A path over foreign text.

    Attributes:
        name: of the path and its input.
        make: returns the input of a size; it may write files into the folder.
        call: reads the input.
        steps: the size at which lines of Python are counted; 0 where all work is inside of C.
        timed: the size that takes about a millisecond; 0 where no work is inside of C.
    """

    name: str
    make: Callable[[int, Path], Any]
    call: Callable[[Any], object]
    steps: int = 0
    timed: int = 0


def span(line: int, start: int = 1, end: int = 2, last: int = 0) -> Span:
    """Return a span of one line, or up to another."""
    return Span(start_line=line, start_column=start, end_line=last or line, end_column=end)


def spread(number: int, *, width: int = 4, **fields: object) -> list[Finding]:
    """Return findings side by side on the first line."""
    return [
        finding(span=span(1, 1 + width * index, width * (index + 1)), **fields)
        for index in range(number)
    ]


def stack(number: int, **fields: object) -> list[Finding]:
    """Return findings on one line after another."""
    return [finding(span=span(line), **fields) for line in range(1, number + 1)]


def identified(findings: list[Finding]) -> list[Finding]:
    """Return findings with an identity, of a file of equal lines."""
    return identify(findings, ["x"] * (len(findings) + 1))


def edited(flagged: Finding, content: str = "y") -> Finding:
    """Return a finding whose edit replaces its text."""
    edit = TextEdit(span=flagged.span, content=content)
    proposed = ProposedEdit(edits=(edit,), safe=True, description="d")
    return finding(span=flagged.span, path=flagged.path, edit=proposed)
