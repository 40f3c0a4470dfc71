"""Messages as Slack's blocks. Hostile text stands only in elements that Slack shows as they are.

Headers and buttons are `plain_text`, everything else is `rich_text`, whose text elements know no
mentions, links and markup; nothing foreign is ever in a `mrkdwn` text.
https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

from typing import Any, Final

from kova.notifications.post import Act, ChatPost, plain_title
from kova.shared.text import reveal, shorten

HEADER_LIMIT: Final = 150
TEXT_LIMIT: Final = 3_000
FALLBACK_LIMIT: Final = 300
Block = dict[str, Any]

_ACTION_IDS: Final = {Act.PUBLISH: "kova_publish", Act.IGNORE: "kova_ignore"}
OPEN_ACTION: Final = "kova_open"
IGNORE_CALLBACK: Final = "kova_ignore"
REASON_BLOCK: Final = "reason"


def fallback_text(post: ChatPost) -> str:
    """Return what a notification on a phone says: nothing from a repository's files."""
    return plain_title(post.title, FALLBACK_LIMIT)


def render_blocks(post: ChatPost) -> list[Block]:
    """Return a message's blocks, within Slack's limits."""
    blocks: list[Block] = [_header(post.title)]
    if post.text or post.place:
        blocks.append(_rich_text([_section(_text(post.text), _code(post.place))]))
    if post.rows:
        items = [_section(_text(row.text), _code(row.place)) for row in post.rows]
        blocks.append(_rich_text([_list(items)]))
    if post.more:
        blocks.append(_rich_text([_section(_text(f"and {post.more} more"))]))
    if post.excerpt:
        preformatted = {
            "type": "rich_text_preformatted",
            "elements": _text(post.excerpt),
        }
        blocks.append(_rich_text([preformatted]))
    if post.facts:
        blocks.append(_rich_text([_section(*_facts(post.facts))]))
    if post.done:
        blocks.append(_rich_text([_section(_text(post.done, bold=True))]))
    buttons = _buttons(post)
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return blocks


def ignore_view(error_id: str, channel: str, message: str) -> Block:
    """Return the modal that asks why an error is ignored; it remembers the message to change."""
    return {
        "type": "modal",
        "callback_id": IGNORE_CALLBACK,
        "private_metadata": f"{error_id} {channel} {message}",
        "title": _plain("Ignore the error"),
        "submit": _plain("Ignore"),
        "close": _plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "label": _plain("Why is it no error?"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON_BLOCK,
                    "multiline": True,
                    "min_length": 3,
                    "max_length": 1_000,
                },
            }
        ],
    }


def text_blocks(text: str) -> list[Block]:
    """Return the blocks of a plain answer."""
    return [_rich_text([_section(_text(text))])]


def _header(title: str) -> Block:
    return {"type": "header", "text": _plain(plain_title(title, HEADER_LIMIT))}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _rich_text(elements: list[Block]) -> Block:
    return {"type": "rich_text", "elements": elements}


def _section(*parts: list[Block]) -> Block:
    elements = [element for part in parts for element in part]
    separated: list[Block] = []
    for element in elements:
        if separated and "style" in element and "code" in element["style"]:
            separated.append({"type": "text", "text": "\n"})
        separated.append(element)
    return {"type": "rich_text_section", "elements": separated or [{"type": "text", "text": " "}]}


def _list(items: list[Block]) -> Block:
    return {"type": "rich_text_list", "style": "bullet", "elements": items}


def _text(text: str, *, bold: bool = False) -> list[Block]:
    if not text:
        return []
    element: Block = {"type": "text", "text": shorten(reveal(text), TEXT_LIMIT)}
    return [{**element, "style": {"bold": True}} if bold else element]


def _code(text: str) -> list[Block]:
    if not text:
        return []
    shown = shorten(" ".join(reveal(text).split()), 300)
    return [{"type": "text", "text": shown, "style": {"code": True}}]


def _facts(facts: tuple[tuple[str, str], ...]) -> list[list[Block]]:
    parts: list[list[Block]] = []
    for number, (name, value) in enumerate(facts):
        lead = "" if number == 0 else "\n"
        parts.append(_text(f"{lead}{name}: ", bold=True))
        parts.append(_text(shorten(" ".join(value.split()), 300) or "-"))
    return parts


def _buttons(post: ChatPost) -> list[Block]:
    buttons: list[Block] = [
        {
            "type": "button",
            "action_id": _ACTION_IDS[button.act],
            "value": button.target,
            "text": _plain(button.label),
            **({"style": "primary"} if button.act is Act.PUBLISH else {}),
        }
        for button in post.buttons
    ]
    buttons += [
        {
            "type": "button",
            "action_id": f"{OPEN_ACTION}_{number}",
            "url": link.url,
            "text": _plain(link.label),
        }
        for number, link in enumerate(post.links)
        if len(link.url) <= TEXT_LIMIT
    ]
    return buttons
