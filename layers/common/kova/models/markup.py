"""A model's Markdown, made harmless: no raw HTML, no images, no links to scripts.

Code keeps its angle brackets, where a Markdown renderer shows them as they are. Where renderers may
see no code there, it is text: what ends a block or a span of code depends on lists and paragraphs.
"""

from __future__ import annotations

import re
from typing import Final

from kova.shared.text import reveal

# Tags, comments and autolinks of Markdown begin like this; `<|` begins markers of chat models.
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?|])")
_ENTITY: Final = re.compile(r"&(?=#|[A-Za-z][A-Za-z0-9]{1,31};)")
_IMAGE: Final = re.compile(r"(?<!!)!++(?=\[)")
_TARGET: Final = re.compile(r"(\]\(\s{0,8}|^ {0,3}\[[^\]\n]{1,200}\]:\s{0,8})([^\s)]{1,2000})")
_SAFE_TARGET: Final = re.compile(
    r"(?i)(?:https://|#|\.{0,2}/|[a-z0-9_.-]+(?:[/#]|$))[^:]*$|https://"
)
_FENCE: Final = re.compile(r"^( {0,3})(`{3,}|~{3,})(.*)$")
_MOST_INDENT: Final = 3
# A block that begins behind the mark of a list or a quotation, or further in, where those stand.
_NESTED_FENCE: Final = re.compile(r"^[\s>*+0-9.)-]*(?:`{3}|~{3})")
_CODE_SPAN: Final = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)")
_INFO: Final = re.compile(r"[^A-Za-z0-9_+.#-]")


class MarkupFilter:
    """Escapes Markdown line by line, so that an answer can be shown while it arrives."""

    def __init__(self) -> None:
        self._fence: str | None = None
        self._indent = 0
        self._has_open_tick = False
        self._is_unsure = False

    def filter_line(self, text: str) -> str:
        """Return one line, given without its line end, with its markup escaped."""
        text = reveal(text)
        if self._fence is not None and self._may_leave_block(text, self._fence):
            self._fence, self._is_unsure = None, True
        if self._is_unsure:
            return _escape(text)
        fence = _FENCE.match(text)
        if self._fence is not None:
            if fence and fence[2].startswith(self._fence) and not fence[3].strip():
                self._fence = None
            return text
        if fence and not (fence[2].startswith("`") and "`" in fence[3]):
            self._fence, self._indent, self._has_open_tick = fence[2], len(fence[1]), False
            return text[: fence.start(3)] + _INFO.sub("", fence[3])[:40]
        if _NESTED_FENCE.match(text):
            self._is_unsure = True
            return _escape(text)
        return self._escape_outside_of_spans(text)

    def close_fence(self) -> str:
        """Return the text that closes an open block of code, or nothing."""
        closing, self._fence = self._fence, None
        indent = " " * self._indent
        return f"\n{indent}{closing}" if closing else ""

    def _may_leave_block(self, text: str, fence: str) -> bool:
        """Tell whether a line may end a block of code without being its last one.

        A block that is indented may stand in a list: it ends with what is indented less, and its
        own last line may be indented more.
        """
        bare = text.lstrip(" ")
        if not self._indent or not bare.strip():
            return False
        indent = len(text) - len(bare)
        return indent < self._indent or (indent > _MOST_INDENT and bare.startswith(fence))

    def _escape_outside_of_spans(self, text: str) -> str:
        if not text.strip():
            self._has_open_tick = False  # No span goes on behind a paragraph.
        # Renderers differ about escaped ticks.
        if self._has_open_tick or "\\`" in text:
            self._has_open_tick |= "`" in text
            return _escape(text)
        pieces: list[str] = []
        position = 0
        for span in _CODE_SPAN.finditer(text):
            pieces += (text[position : span.start()], span[0])
            position = span.end()
        pieces.append(text[position:])
        self._has_open_tick = any("`" in piece for piece in pieces[::2])
        pieces[::2] = map(_escape, pieces[::2])
        return "".join(pieces)


def escape_markup(text: str) -> str:
    """Return a whole text with its markup escaped."""
    markup = MarkupFilter()
    lines = [
        markup.filter_line(line)
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ]
    return "\n".join(lines) + markup.close_fence()


def _escape(text: str) -> str:
    text = _ENTITY.sub("&amp;", text)
    text = _TAG.sub("&lt;", text)
    text = _IMAGE.sub("", text)
    return _TARGET.sub(_replace_unsafe_target, text)


def _replace_unsafe_target(match: re.Match[str]) -> str:
    target = match[2].strip("<>")
    return match[0] if _SAFE_TARGET.match(target) else f"{match[1]}#"
