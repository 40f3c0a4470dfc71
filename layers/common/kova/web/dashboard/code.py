"""Code as rows that a template shows: a snippet with its lines marked, a patch with its signs."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Final

from kova.analysis.finding import Finding

_HUNK: Final = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_FENCE: Final = re.compile(r"^```[^\n]*$\n?", re.MULTILINE)
_MOST_ROWS: Final = 400
_LINE_LIMIT: Final = 400


@dataclass(frozen=True, kw_only=True)
class CodeRow:
    """A line of code. `kind` is plain, marked, added, removed, hunk or note."""

    kind: str
    text: str
    before: int | None = None
    after: int | None = None


def snippet_rows(finding: Finding) -> list[CodeRow]:
    """Return the lines of a finding's snippet, those that are meant marked."""
    span = finding.span
    rows = [
        CodeRow(
            kind="marked" if number <= span.end_line else "plain",
            text=_cut(line),
            after=number,
        )
        for number, line in enumerate(finding.snippet.splitlines(), start=span.start_line)
    ]
    return rows[:_MOST_ROWS]


def patch_rows(patch: str) -> list[CodeRow]:
    """Return the lines of a unified diff; the names of its files are left out."""
    rows: list[CodeRow] = []
    before = after = 0
    for line in patch.split("\n"):
        hunk = _HUNK.match(line)
        if hunk:
            before, after = int(hunk[1]), int(hunk[2])
            rows.append(CodeRow(kind="hunk", text=_cut(line)))
        elif not rows or not line:
            continue  # The header, and what follows the last line's end.
        elif line.startswith("+"):
            rows.append(CodeRow(kind="added", text=_cut(line[1:]), after=after))
            after += 1
        elif line.startswith("-"):
            rows.append(CodeRow(kind="removed", text=_cut(line[1:]), before=before))
            before += 1
        elif line.startswith("\\"):
            rows.append(CodeRow(kind="note", text=_cut(line[2:])))
        else:
            rows.append(CodeRow(kind="plain", text=_cut(line[1:]), before=before, after=after))
            before, after = before + 1, after + 1
    return rows[:_MOST_ROWS]


def _cut(line: str) -> str:
    return line if len(line) <= _LINE_LIMIT else line[:_LINE_LIMIT] + " …"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of an answer: a paragraph, or code between fences."""

    text: str
    code: bool = False

    @property
    def rows(self) -> list[CodeRow]:
        """The lines of the code."""
        lines = self.text.splitlines()[:_MOST_ROWS]
        return [CodeRow(kind="plain", text=_cut(line)) for line in lines]


def answer_blocks(output: str) -> list[Block]:
    """Return the parts of a model's answer; its other marks stay as they are."""
    blocks: list[Block] = []
    for index, part in enumerate(_FENCE.split(output)):
        if index % 2:
            blocks.append(Block(text=part.strip("\n"), code=True))
        else:
            paragraphs = [text.strip() for text in part.split("\n\n")]
            blocks += [Block(text=_unescape(text)) for text in paragraphs if text]
    return blocks


def _unescape(text: str) -> str:
    """Return an answer's text as it was before its markup was escaped; templates escape it again.

    Code between backquotes never was.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return html.unescape(text)  # A single backquote opens nothing.
    return "`".join(part if index % 2 else html.unescape(part) for index, part in enumerate(parts))
