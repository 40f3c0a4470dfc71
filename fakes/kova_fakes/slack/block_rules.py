"""What Slack allows in blocks and views, and what people see of them.

https://docs.slack.dev/reference/block-kit/blocks and https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]
MOST_BLOCKS: Final = 50
_TEXT: Final = 3_000
_BUTTONS: Final = 25
_BUTTON_TEXT: Final = 75
_ID: Final = 255
_VALUE: Final = 2_000
_CONTEXT: Final = 10
_ANGLE: Final = re.compile(r"<([^<>]*)>")
_BARE_LINK: Final = re.compile(r"(?:https?://|www\.)\S+")
_STYLED: Final = re.compile(
    r"(?<!\w)([*_~`])(?=\S)[^\n]*?(?<=\S)\1(?!\w)|```|^(?:>|&gt;)", re.MULTILINE
)


class BlockError(ValueError):
    """Slack refuses the blocks."""


@dataclass(kw_only=True)
class SeenMessage:
    """What a person sees of a message: text, whom it calls, what can be clicked or is styled."""

    text: list[str] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    styled: list[str] = field(default_factory=list)
    buttons: list[Json] = field(default_factory=list)


def check_blocks(blocks: Any, most: int = MOST_BLOCKS) -> None:
    """Raise BlockError where Slack refuses the blocks."""
    _require(isinstance(blocks, list), "blocks are a list")
    _require(0 < len(blocks) <= most, f"between 1 and {most} blocks")
    for block in blocks:
        _require(isinstance(block, dict), "a block is an object")
        check = _CHECKS.get(str(block.get("type")))
        _require(check is not None, f"there is no block {block.get('type')}")
        assert check is not None
        check(block)


def check_view(view: Any) -> None:
    """Raise BlockError where Slack refuses a modal."""
    _require(isinstance(view, dict) and view.get("type") == "modal", "a view is a modal")
    _only(view, "type title blocks submit close callback_id private_metadata notify_on_close")
    _plain(view.get("title"), 24)
    for name in ("submit", "close"):
        if name in view:
            _plain(view[name], 24)
    has_input = any(block.get("type") == "input" for block in view.get("blocks", []))
    _require(not has_input or "submit" in view, "a view with an input has a submit")
    _require(len(view.get("private_metadata", "")) <= _TEXT, "private_metadata")
    check_blocks(view.get("blocks"), 100)


def see(text: str, blocks: list[Json] | None, *, styles: bool = True) -> SeenMessage:
    """Return what people see: the blocks, and the text, which notifications show.

    `styles`: the text may be styled; its mentions and links are seen anyway.
    """
    seen = SeenMessage()
    _see_mrkdwn(text, seen)
    if not styles:
        seen.styled.clear()
    for block in blocks or []:
        for element in _walk(block):
            _see_element(element, seen)
    return seen


def _see_element(element: Json, seen: SeenMessage) -> None:
    kind = element.get("type")
    if kind in {"text", "plain_text"}:
        seen.text.append(element["text"])
        if kind == "plain_text" and element.get("emoji", True):
            seen.styled += re.findall(r":[a-z0-9_+-]+:", element["text"])
    elif kind == "mrkdwn":
        _see_mrkdwn(element["text"], seen, bare=not element.get("verbatim", False))
    elif kind in {"user", "usergroup", "broadcast", "channel"}:
        seen.mentions.append(str(element))
    elif kind == "link":
        seen.links.append(element["url"])
    elif kind == "button":
        seen.buttons.append(element)
        if "url" in element:
            seen.links.append(element["url"])


def _see_mrkdwn(text: str, seen: SeenMessage, *, bare: bool = True) -> None:
    for match in _ANGLE.finditer(text):
        inside = match[1]
        (seen.mentions if inside[:1] in "@!#" else seen.links).append(inside)
    rest = _ANGLE.sub("", text)
    if bare:
        seen.links += _BARE_LINK.findall(rest)
    seen.styled += [match[0] for match in _STYLED.finditer(rest)]
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        rest = rest.replace(entity, character)
    seen.text.append(rest)


def _walk(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from _walk(child)
    elif isinstance(value, list):
        for child in value:
            yield from _walk(child)


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise BlockError(problem)


def _only(element: Json, names: str) -> None:
    extra = set(element) - set(names.split())
    _require(not extra, f"{element.get('type')} has no {sorted(extra)}")


def _plain(value: Any, most: int) -> None:
    _require(isinstance(value, dict) and value.get("type") == "plain_text", "a plain_text")
    _only(value, "type text emoji")
    text = value.get("text")
    _require(isinstance(text, str) and 0 < len(text) <= most, f"1 to {most} characters")


def _check_header(block: Json) -> None:
    _only(block, "type text block_id level")
    _plain(block.get("text"), 150)


def _check_section(block: Json) -> None:
    _only(block, "type text block_id fields accessory expand")
    text = block.get("text")
    _require(isinstance(text, dict) or "fields" in block, "a section has text or fields")
    if isinstance(text, dict):
        _require(text.get("type") in {"plain_text", "mrkdwn"}, "a text object")
        _require(0 < len(text.get("text", "")) <= _TEXT, f"1 to {_TEXT} characters")


def _check_actions(block: Json) -> None:
    _only(block, "type elements block_id")
    elements: Any = block.get("elements")
    _require(
        isinstance(elements, list) and 0 < len(elements) <= _BUTTONS, f"1 to {_BUTTONS} elements"
    )
    ids = [element.get("action_id") for element in elements]
    _require(len(set(ids)) == len(ids), "an action_id occurs once in a block")
    for element in elements:
        _require(element.get("type") == "button", "a button")
        _only(element, "type text action_id url value style confirm accessibility_label")
        _plain(element.get("text"), _BUTTON_TEXT)
        _require(0 < len(element.get("action_id", "x")) <= _ID, "action_id")
        _require(len(element.get("value", "")) <= _VALUE, "value")
        url = element.get("url", "https://a")
        _require(len(url) <= _TEXT and url.startswith(("https://", "http://")), "url")
        _require(element.get("style", "primary") in {"primary", "danger"}, "style")


def _check_rich_text(block: Json) -> None:
    _only(block, "type elements block_id")
    elements: Any = block.get("elements")
    _require(isinstance(elements, list) and bool(elements), "rich_text has elements")
    for element in elements:
        kind = element.get("type")
        if kind == "rich_text_list":
            _require(element.get("style") in {"bullet", "ordered"}, "a list's style")
            for child in element.get("elements", []):
                _require(child.get("type") == "rich_text_section", "a list of sections")
                _check_rich_section(child)
        else:
            names = {"rich_text_section", "rich_text_preformatted", "rich_text_quote"}
            _require(kind in names, f"there is no {kind}")
            _check_rich_section(element)


def _check_rich_section(element: Json) -> None:
    _only(element, "type elements border")
    children: Any = element.get("elements")
    _require(isinstance(children, list) and bool(children), "a section has elements")
    for child in children:
        if child.get("type") == "text":
            _only(child, "type text style")
            _require(bool(child.get("text")), "a text is not empty")
            styles = set(child.get("style", {}))
            _require(styles <= {"bold", "italic", "strike", "code"}, "a style")


def _check_input(block: Json) -> None:
    _only(block, "type label element block_id hint optional dispatch_action")
    _plain(block.get("label"), 2_000)
    element = block.get("element")
    _require(isinstance(element, dict) and element.get("type") == "plain_text_input", "an input")


def _check_context(block: Json) -> None:
    elements: Any = block.get("elements")
    _require(
        isinstance(elements, list) and 0 < len(elements) <= _CONTEXT, f"1 to {_CONTEXT} elements"
    )


def _check_divider(block: Json) -> None:
    _only(block, "type block_id")


_CHECKS: Final = {
    "header": _check_header,
    "section": _check_section,
    "actions": _check_actions,
    "rich_text": _check_rich_text,
    "input": _check_input,
    "context": _check_context,
    "divider": _check_divider,
}
