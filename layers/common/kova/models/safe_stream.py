"""An answer made harmless while it arrives: whole lines only, secrets out, markup escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kova.models.markup import MarkupFilter, harmless
from kova.models.model_answer import AnswerText
from kova.models.redaction import redact
from kova.shared.text import clean

_KEY_BEGINS: Final = "-----BEGIN"
_KEY_ENDS: Final = "-----END"


def safe(text: str, known: Sequence[str]) -> str:
    """Return a whole answer without secrets and with harmless markup."""
    return harmless(redact(clean(text), known))


class SafeStream:
    """Takes pieces of a model's JSON and gives lines of its answer that may be shown."""

    def __init__(self, known: Sequence[str]) -> None:
        """Take the values that are secret here."""
        self._known = known
        self._text = AnswerText()
        self._markup = MarkupFilter()
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what may be shown now; a private key is held back until its end."""
        self._held += clean(self._text.feed(piece))
        if _KEY_BEGINS in self._held and _KEY_ENDS not in self._held:
            return ""
        stop = self._held.rfind("\n") + 1
        whole, self._held = self._held[:stop], self._held[stop:]
        return self._shown(whole)

    def end(self) -> str:
        """Return the rest."""
        rest, self._held = self._held, ""
        return self._shown(rest) + self._markup.end()

    def _shown(self, text: str) -> str:
        if not text:
            return ""
        lines = redact(text, self._known).replace("\r", "").split("\n")
        return "\n".join([*(self._markup.line(line) for line in lines[:-1]), *self._last(lines)])

    def _last(self, lines: Sequence[str]) -> tuple[str]:
        return (self._markup.line(lines[-1]) if lines[-1] else "",)
