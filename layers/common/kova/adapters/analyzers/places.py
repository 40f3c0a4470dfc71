"""From what tools count (bytes) to what findings hold (lines and columns of characters)."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cached_property
from typing import Final

from kova.analysis.finding import Span
from kova.analysis.source_text import BOM

_STRIDE: Final = 1_000
_FAR: Final = 4_000  # Bytes.


class ByteColumns:
    """How many characters stand before a byte of one line.

    A line may be as long as a file and have thousands of findings, so every thousandth byte is
    remembered.
    """

    def __init__(self, line: bytes) -> None:
        self._line = line

    def before(self, offset: int) -> int:
        """Return the number of characters before a byte; one that it cuts counts for nothing."""
        offset = min(max(offset, 0), len(self._line))
        if offset < _STRIDE:
            return _count_characters(self._line[:offset])
        mark, count = self._marks[offset // _STRIDE]
        return count + _count_characters(self._line[mark:offset])

    @cached_property
    def _marks(self) -> list[tuple[int, int]]:
        """Every thousandth byte, or the begin of its character, and the characters before it."""
        marks = [(0, 0)]
        for mark in range(_STRIDE, len(self._line) + 1, _STRIDE):
            last, count = marks[-1]
            begin = mark
            while begin < len(self._line) and begin > last and self._line[begin] & 0xC0 == 0x80:  # noqa: PLR2004
                begin -= 1  # Within a character of UTF-8.
            marks.append((begin, count + _count_characters(self._line[last:begin])))
        return marks


class Places:
    """The places of one file; a byte order mark counts for nothing."""

    def __init__(self, content: bytes) -> None:
        self.content = content.removeprefix(BOM)
        # Thousands of findings may be on one line: each is looked at once.
        self._lines: dict[int, bytes] = {}
        self._whole_lines: dict[int, Span] = {}
        self._columns_by_line: dict[int, ByteColumns] = {}

    @cached_property
    def _starts(self) -> array[int]:
        """Where lines begin; of a million lines a list would take forty megabytes."""
        starts = array("I", [0])
        position = self.content.find(b"\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.content.find(b"\n", position + 1)
        return starts

    def at(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of a byte offset."""
        line = bisect_right(self._starts, max(offset, 0))
        return line, self._columns(line).before(offset - self._starts[line - 1]) + 1

    def span(self, start: int, end: int) -> Span:
        """Return the span between two byte offsets."""
        first, last = self.at(start), self.at(max(start, end))
        return Span(
            start_line=first[0], start_column=first[1], end_line=last[0], end_column=last[1]
        )

    def by_columns(self, start: tuple[int, int], end: tuple[int, int]) -> Span:
        """Return the span between two (line, byte column), both counted from 1."""
        return Span(
            start_line=start[0],
            start_column=self._column(*start),
            end_line=end[0],
            end_column=self._column(*end),
        )

    def whole_line(self, line: int) -> Span:
        """Return the span of one line without its indentation."""
        if line not in self._whole_lines:
            text = self._line(line).decode("utf-8", "replace")
            self._whole_lines[line] = Span(
                start_line=line,
                start_column=len(text) - len(text.lstrip()) + 1,
                end_line=line,
                end_column=len(text.rstrip()) + 1,
            )
        return self._whole_lines[line]

    def near(self, start: tuple[int, int], end: tuple[int, int]) -> bytes:
        """Return the lines between two (line, byte column), of those what is not far from both."""
        first, last = self._offset(*start), self._offset(*end)
        begin = max(self._offset(start[0], 1), first - _FAR)
        return self.content[begin : min(self._offset(end[0] + 1, 1), last + _FAR)]

    def _offset(self, line: int, column: int) -> int:
        if line > len(self._starts):
            return len(self.content)
        return self._starts[max(line, 1) - 1] + max(column - 1, 0)

    def _line(self, line: int) -> bytes:
        if not 1 <= line <= len(self._starts):
            return b""
        if line not in self._lines:
            start = self._starts[line - 1]
            end = self._starts[line] if line < len(self._starts) else len(self.content)
            self._lines[line] = self.content[start:end].rstrip(b"\r\n")
        return self._lines[line]

    def _columns(self, line: int) -> ByteColumns:
        if line not in self._columns_by_line:
            start = self._starts[line - 1]
            end = self._starts[line] if line < len(self._starts) else len(self.content)
            self._columns_by_line[line] = ByteColumns(self.content[start:end])
        return self._columns_by_line[line]

    def _column(self, line: int, column: int) -> int:
        text = self._line(line)
        return self._columns(line).before(min(column - 1, len(text))) + 1 if text else 1


def _count_characters(content: bytes) -> int:
    return len(content.decode("utf-8", "ignore"))
