"""Sanitizes an answer while it arrives: line by line, without secrets, with markup escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kova.models.markup import MarkupFilter, escape_markup
from kova.models.model_answer import AnswerText
from kova.models.redaction import redact
from kova.shared.text import clean

_KEY_BEGINS: Final = "-----BEGIN"
_KEY_ENDS: Final = "-----END"


def make_safe(text: str, secrets: Sequence[str]) -> str:
    """Return a whole answer without secrets and with its markup escaped."""
    return escape_markup(redact(clean(text), secrets))


class SafeStream:
    """Turns pieces of a model's JSON into lines of its answer that may be shown."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets
        self._text = AnswerText()
        self._markup = MarkupFilter()
        self._buffer = ""

    def feed(self, piece: str) -> str:
        """Return the text that may be shown now; a private key is held back until its end."""
        self._buffer += clean(self._text.feed(piece))
        if _KEY_BEGINS in self._buffer and _KEY_ENDS not in self._buffer:
            return ""
        stop = self._buffer.rfind("\n") + 1
        lines, self._buffer = self._buffer[:stop], self._buffer[stop:]
        return self._sanitize(lines)

    def end(self) -> str:
        """Return the remaining text."""
        rest, self._buffer = self._buffer, ""
        return self._sanitize(rest) + self._markup.close_fence()

    def _sanitize(self, text: str) -> str:
        if not text:
            return ""
        lines = redact(text, self._secrets).replace("\r", "").split("\n")
        return "\n".join(
            [*(self._markup.filter_line(line) for line in lines[:-1]), *self._sanitize_last(lines)]
        )

    def _sanitize_last(self, lines: Sequence[str]) -> tuple[str]:
        return (self._markup.filter_line(lines[-1]) if lines[-1] else "",)
