"""A model's Markdown, made harmless: no raw HTML, no images, no links to scripts.

Code keeps its angle brackets, where a Markdown renderer shows them as they are.
"""

from __future__ import annotations

import re
from typing import Final

from kova.shared.text import reveal

# Tags, comments and autolinks of Markdown begin like this; `<|` begins markers of chat models.
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?|])")
_ENTITY: Final = re.compile(r"&(?=#|[A-Za-z][A-Za-z0-9]{1,31};)")
_IMAGE: Final = re.compile(r"!(?=\[)")
_TARGET: Final = re.compile(r"(\]\(\s{0,8}|^ {0,3}\[[^\]\n]{1,200}\]:\s{0,8})([^\s)]{1,2000})")
_SAFE_TARGET: Final = re.compile(
    r"(?i)(?:https://|#|\.{0,2}/|[a-z0-9_.-]+(?:[/#]|$))[^:]*$|https://"
)
_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_CODE_SPAN: Final = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)")
_INFO: Final = re.compile(r"[^A-Za-z0-9_+.#-]")


class MarkupFilter:
    """Escapes Markdown line by line, so that an answer can be shown while it arrives."""

    def __init__(self) -> None:
        self._fence: str | None = None

    def filter_line(self, text: str) -> str:
        """Return one line, given without its line end, with its markup escaped."""
        text = reveal(text)
        fence = _FENCE.match(text)
        if self._fence is not None:
            if fence and fence[1].startswith(self._fence) and not fence[2].strip():
                self._fence = None
            return text
        if fence and "`" not in fence[2]:
            self._fence = fence[1]
            return text[: fence.start(2)] + _INFO.sub("", fence[2])[:40]
        return _escape_outside_of_spans(text)

    def close_fence(self) -> str:
        """Return the text that closes an open block of code, or nothing."""
        closing, self._fence = self._fence, None
        return f"\n{closing}" if closing else ""


def escape_markup(text: str) -> str:
    """Return a whole text with its markup escaped."""
    markup = MarkupFilter()
    lines = [
        markup.filter_line(line)
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ]
    return "\n".join(lines) + markup.close_fence()


def _escape_outside_of_spans(text: str) -> str:
    if "\\`" in text:  # Renderers differ about escaped ticks: treat the line as text.
        return _escape(text)
    pieces: list[str] = []
    position = 0
    for span in _CODE_SPAN.finditer(text):
        pieces += (_escape(text[position : span.start()]), span[0])
        position = span.end()
    return "".join([*pieces, _escape(text[position:])])


def _escape(text: str) -> str:
    text = _ENTITY.sub("&amp;", text)
    text = _TAG.sub("&lt;", text)
    text = _IMAGE.sub("", text)
    return _TARGET.sub(_replace_unsafe_target, text)


def _replace_unsafe_target(match: re.Match[str]) -> str:
    target = match[2].strip("<>")
    return match[0] if _SAFE_TARGET.match(target) else f"{match[1]}#"
