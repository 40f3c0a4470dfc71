"""A model's Markdown, made harmless: no raw HTML, no images, no links to scripts.

Code keeps its angle brackets, where a Markdown renderer shows them as they are.
"""

from __future__ import annotations

import re
from typing import Final

# In Markdown a tag, a comment or an autolink begins with one of these; in chats, `<|` a marker.
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?|])")
_ENTITY: Final = re.compile(r"&(?=#|[A-Za-z][A-Za-z0-9]{1,31};)")
_IMAGE: Final = re.compile(r"!(?=\[)")
_TARGET: Final = re.compile(r"(\]\(\s{0,8}|^ {0,3}\[[^\]\n]{1,200}\]:\s{0,8})([^\s)]{1,2000})")
_SAFE_TARGET: Final = re.compile(
    r"(?i)(?:https://|#|\.{0,2}/|[a-z0-9_.-]+(?:[/#]|$))[^:]*$|https://"
)
_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_CODE_SPAN: Final = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)")
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_INFO: Final = re.compile(r"[^A-Za-z0-9_+.#-]")


class MarkupFilter:
    """Works line by line, so that an answer can be cleaned while it arrives."""

    def __init__(self) -> None:
        """Start outside of code."""
        self._fence: str | None = None

    def line(self, text: str) -> str:
        """Return one line without its end, made harmless."""
        text = _BIDI.sub("", text)
        fence = _FENCE.match(text)
        if self._fence is not None:
            if fence and fence[1].startswith(self._fence) and not fence[2].strip():
                self._fence = None
            return text
        if fence and "`" not in fence[2]:
            self._fence = fence[1]
            return text[: fence.start(2)] + _INFO.sub("", fence[2])[:40]
        return _outside_of_spans(text)

    def end(self) -> str:
        """Return what closes a block of code that was left open."""
        closing, self._fence = self._fence, None
        return f"\n{closing}" if closing else ""


def harmless(text: str) -> str:
    """Return a whole text made harmless."""
    markup = MarkupFilter()
    lines = [
        markup.line(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ]
    return "\n".join(lines) + markup.end()


def _outside_of_spans(text: str) -> str:
    if "\\`" in text:  # Renderers differ about escaped ticks: nothing of this line passes as code.
        return _escaped(text)
    pieces: list[str] = []
    position = 0
    for span in _CODE_SPAN.finditer(text):
        pieces += (_escaped(text[position : span.start()]), span[0])
        position = span.end()
    return "".join([*pieces, _escaped(text[position:])])


def _escaped(text: str) -> str:
    text = _ENTITY.sub("&amp;", text)
    text = _TAG.sub("&lt;", text)
    text = _IMAGE.sub("", text)
    return _TARGET.sub(_checked_target, text)


def _checked_target(match: re.Match[str]) -> str:
    target = match[2].strip("<>")
    return match[0] if _SAFE_TARGET.match(target) else f"{match[1]}#"
