"""The text of a source file, and edits that leave every other byte alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from kova.analysis.finding import TextEdit

BOM: Final = b"\xef\xbb\xbf"
# Python's own idea of a line's end, and that of ruff: not str.splitlines(), which also splits at
# form feeds and Unicode separators.
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class EditError(ValueError):
    """An edit does not fit the text."""


@dataclass(frozen=True, kw_only=True)
class SourceText:
    """UTF-8 text with its line ends; a byte order mark is kept apart from it."""

    text: str
    bom: bool

    @cached_property
    def raw_lines(self) -> tuple[str, ...]:
        """The lines with their ends."""
        return tuple(_LINE.findall(self.text))

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends."""
        return tuple(line.rstrip("\r\n") for line in self.raw_lines)

    @cached_property
    def newline(self) -> str:
        """The line end that the file uses first; a line feed if it has none."""
        first = self.raw_lines[0] if self.raw_lines else ""
        return first[len(first.rstrip("\r\n")) :] or "\n"

    @property
    def content(self) -> str:
        """The text as it stands in the file, with its byte order mark."""
        return ("\ufeff" if self.bom else "") + self.text

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return (BOM if self.bom else b"") + self.text.encode()

    def apply(self, edits: Sequence[TextEdit]) -> SourceText:
        """Return the text with edits applied.

        Raises:
            EditError: edits overlap or lie outside of the text.
        """
        pieces: list[str] = []
        position = 0
        for start, end, content in sorted(self.offsets(edit) for edit in edits):
            if start < position:
                raise EditError("edits overlap")
            pieces += (self.text[position:start], content)
            position = end
        pieces.append(self.text[position:])
        return SourceText(text="".join(pieces), bom=self.bom)

    def offsets(self, edit: TextEdit) -> tuple[int, int, str]:
        """Return where an edit begins and ends in the text, and its content with our line ends.

        Raises:
            EditError: it lies outside of the text.
        """
        start = self._offset(edit.span.start_line, edit.span.start_column)
        end = self._offset(edit.span.end_line, edit.span.end_column)
        if end < start:
            raise EditError("an edit ends before it begins")
        content = re.sub(r"\r\n|\r|\n", self.newline, edit.content)
        return start, end, content

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return tuple(accumulate(map(len, self.raw_lines), initial=0))

    def _offset(self, line: int, column: int) -> int:
        if not 1 <= line <= len(self.raw_lines) + 1 or column < 1:
            raise EditError("an edit lies outside of the file")
        offset = self._starts[line - 1] + column - 1
        if offset > len(self.text):
            raise EditError("an edit lies outside of the file")
        return offset


def decode(content: bytes) -> SourceText | None:
    """Return the text, or None when it is not UTF-8 or holds NUL."""
    bom = content.startswith(BOM)
    body = content[len(BOM) :] if bom else content
    if b"\0" in body:
        return None
    try:
        return SourceText(text=body.decode("utf-8"), bom=bom)
    except UnicodeDecodeError:
        return None
