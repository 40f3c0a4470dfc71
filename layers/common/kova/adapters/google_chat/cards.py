"""Messages as cards of Google Chat. Its texts know some HTML: what is foreign is escaped.

https://developers.google.com/workspace/chat/api/reference/rest/v1/cards
"""

from __future__ import annotations

import json
from typing import Any, Final

from kova.notifications.post import ChatPost, mute, plain_title
from kova.shared.text import reveal, shorten

MESSAGE_BYTES: Final = 32_000
# Characters of a text; each may become several bytes, so that a smaller limit is tried then.
_LIMITS: Final = (1_500, 500, 100)


def escape(text: str) -> str:
    """Return a text that a card shows as it is: no markup, no mention, no address to click."""
    broken = mute(text)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        broken = broken.replace(character, entity)
    return broken


def encode_message(post: ChatPost, *, thread_key: str, card_id: str) -> bytes:
    """Return the body of a message with one card, within the size that a message may have."""
    content = b""
    for limit in _LIMITS:
        body = _message(post, thread_key=thread_key, card_id=card_id, limit=limit)
        content = json.dumps(body, ensure_ascii=False).encode()
        if len(content) <= MESSAGE_BYTES:
            break
    return content


def _message(post: ChatPost, *, thread_key: str, card_id: str, limit: int) -> dict[str, Any]:
    header = {"title": plain_title(post.title, 200)}
    if post.repository:
        header["subtitle"] = reveal(post.repository)
    card = {"header": header, "sections": [{"widgets": _widgets(post, limit)}]}
    return {
        "fallbackText": plain_title(post.title, 200),
        "cardsV2": [{"cardId": card_id, "card": card}],
        "thread": {"threadKey": thread_key},
    }


def _widgets(post: ChatPost, limit: int) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = []
    if post.text:
        widgets.append(_paragraph(escape(shorten(post.text, limit))))
    if post.place:
        widgets.append(_fact("Place", post.place, min(limit, 300)))
    widgets += [
        {
            "decoratedText": {
                **_value(row.place, min(limit, 300)),
                "text": escape(shorten(row.text, min(limit, 300))),
                "wrapText": True,
            }
        }
        for row in post.rows
    ]
    if post.more:
        widgets.append(_paragraph(f"and {post.more} more"))
    if post.excerpt:
        lines = escape(shorten(post.excerpt, limit)).replace("\n", "<br>")
        widgets.append(_paragraph(lines.replace("  ", "&nbsp; ")))
    widgets += [_fact(name, value, min(limit, 300)) for name, value in post.facts]
    if post.done:
        widgets.append(_paragraph(escape(shorten(post.done, min(limit, 300)))))
    if post.links:
        buttons = [
            {"text": link.label, "onClick": {"openLink": {"url": link.url}}} for link in post.links
        ]
        widgets.append({"buttonList": {"buttons": buttons}})
    return widgets or [_paragraph(escape(post.title))]


def _paragraph(text: str) -> dict[str, Any]:
    return {"textParagraph": {"text": text}}


def _fact(name: str, value: str, limit: int) -> dict[str, Any]:
    text = escape(shorten(" ".join(value.split()), limit)) or "-"
    return {"decoratedText": {"topLabel": name, "text": text, "wrapText": True}}


def _value(place: str, limit: int) -> dict[str, str]:
    return {"bottomLabel": escape(shorten(place, limit))} if place else {}
