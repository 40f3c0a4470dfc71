"""From what tools count (bytes) to what findings hold (lines and columns of characters)."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from kova.analysis.finding import Span
from kova.analysis.source_text import BOM


class Places:
    """The places of one file; a byte order mark counts for nothing."""

    def __init__(self, content: bytes) -> None:
        self.content = content.removeprefix(BOM)

    @cached_property
    def _starts(self) -> list[int]:
        """Where lines begin."""
        starts = [0]
        position = self.content.find(b"\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.content.find(b"\n", position + 1)
        return starts

    def at(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of a byte offset."""
        line = bisect_right(self._starts, max(offset, 0))
        return line, _count_characters(self.content[self._starts[line - 1] : max(offset, 0)]) + 1

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
        text = self._line(line).decode("utf-8", "replace")
        return Span(
            start_line=line,
            start_column=len(text) - len(text.lstrip()) + 1,
            end_line=line,
            end_column=len(text.rstrip()) + 1,
        )

    def lines(self, span: Span) -> list[bytes]:
        """Return the lines that a span touches."""
        return [self._line(line) for line in range(span.start_line, span.end_line + 1)]

    def _line(self, line: int) -> bytes:
        if not 1 <= line <= len(self._starts):
            return b""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.content)
        return self.content[start:end].rstrip(b"\r\n")

    def _column(self, line: int, column: int) -> int:
        return _count_characters(self._line(line)[: max(column - 1, 0)]) + 1


def _count_characters(content: bytes) -> int:
    return len(content.decode("utf-8", "ignore"))
