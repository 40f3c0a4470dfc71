"""A space's webhook that refuses what Google Chat refuses, and remembers what the space shows.

https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create
"""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kova_fakes.serving import serving

Json = dict[str, Any]
_SPACE: Final = "AAAAfake0001"
_KEY: Final = "fake-key-0123456789"
_TOKEN: Final = "fake-token-0123456789"  # noqa: S105 (of a fake)
_BYTES: Final = 32_000
_WIDGETS: Final = 100
_OPTIONS: Final = frozenset(
    """MESSAGE_REPLY_OPTION_UNSPECIFIED REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD
    REPLY_MESSAGE_OR_FAIL""".split()
)
_PARAMETERS: Final = frozenset("key token threadKey requestId messageReplyOption messageId".split())
_MESSAGE_ID: Final = re.compile(r"client-[a-z0-9-]{1,56}")
_TAG: Final = re.compile(r"<(?!br>)[^<>]*>")
_ADDRESS: Final = re.compile(r"https?://\S+|www\.\S+|<users/[^>]*>|@all\b")


class ChatError(Exception):
    """An answer with an error; `status` is Google's word for it."""

    def __init__(self, code: int, status: str) -> None:
        self.code, self.status = code, status
        super().__init__(status)


@dataclass(kw_only=True)
class SeenCard:
    """What people see of a card: texts, and what is markup or can be clicked in them."""

    text: list[str] = field(default_factory=list)
    markup: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class FakeGoogleChat:
    """The handle of a running fake, for tests.

    Attributes:
        url: the secret address of the webhook.
        messages: what the space shows, oldest first, each with its `thread`.
        seconds_per_message: how often the space takes a message; sooner is 429.
    """

    url: str = ""
    seconds_per_message: float = 0.0
    messages: list[Json] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    fault_before: Callable[[], Response | None] = lambda: None
    fault_after: Callable[[], Response | None] = lambda: None
    _by_request: dict[str, Json] = field(default_factory=dict)
    _sent_at: float = 0.0

    async def create(self, request: Request) -> Response:
        """Answer one message."""
        early = self.fault_before()
        if early is not None:
            return early
        try:
            message = self._create(request, await request.body())
        except ChatError as exc:
            self.refused.append(exc.status)
            error = {"code": exc.code, "message": "refused", "status": exc.status}
            return JSONResponse({"error": error}, exc.code)
        late = self.fault_after()
        return late if late is not None else JSONResponse(message)

    def _create(self, request: Request, content: bytes) -> Json:
        query = request.query_params
        if (query.get("key"), query.get("token")) != (_KEY, _TOKEN):
            raise ChatError(403, "PERMISSION_DENIED")
        if request.path_params["space"] != _SPACE:
            raise ChatError(404, "NOT_FOUND")
        if set(query) - _PARAMETERS or len(content) > _BYTES:
            raise ChatError(400, "INVALID_ARGUMENT")
        if query.get("messageReplyOption", "MESSAGE_REPLY_OPTION_UNSPECIFIED") not in _OPTIONS:
            raise ChatError(400, "INVALID_ARGUMENT")
        if "messageId" in query and not _MESSAGE_ID.fullmatch(query["messageId"]):
            raise ChatError(400, "INVALID_ARGUMENT")
        request_id = query.get("requestId")
        if request_id in self._by_request:
            return self._by_request[request_id]
        body = _read_body(request, content)
        now = time.monotonic()
        if now - self._sent_at < self.seconds_per_message:
            raise ChatError(429, "RESOURCE_EXHAUSTED")
        self._sent_at = now
        name = f"spaces/{_SPACE}/messages/m{len(self.messages):06}"
        key = body.get("thread", {}).get("threadKey") or query.get("threadKey")
        replies = query.get("messageReplyOption", "").startswith("REPLY")
        thread = f"spaces/{_SPACE}/threads/{key if key and replies else name[-7:]}"
        message = {**body, "name": name, "thread": {"name": thread}}
        self.messages.append(message)
        if request_id:
            self._by_request[request_id] = message
        return message

    def seen(self, message: Json) -> SeenCard:
        """Return what people see of a message's cards."""
        seen = SeenCard()
        for text in _texts(message.get("cardsV2", [])):
            seen.markup += _TAG.findall(text)
            shown = html.unescape(_TAG.sub("", text))
            seen.links += _ADDRESS.findall(shown)
            seen.text.append(shown)
        seen.links += _ADDRESS.findall(message.get("text", ""))
        return seen


def _read_body(request: Request, content: bytes) -> Json:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise ChatError(400, "INVALID_ARGUMENT")
    try:
        body: Any = json.loads(content)
    except ValueError as exc:
        raise ChatError(400, "INVALID_ARGUMENT") from exc
    allowed = {"text", "fallbackText", "cardsV2", "thread"}
    if not isinstance(body, dict) or set(body) - allowed:
        raise ChatError(400, "INVALID_ARGUMENT")
    if not body.get("text") and not body.get("cardsV2"):
        raise ChatError(400, "INVALID_ARGUMENT")
    for card in body.get("cardsV2", []):
        _check_card(card)
    return body


def _check_card(card_with_id: Json) -> None:
    card = card_with_id.get("card")
    if set(card_with_id) - {"cardId", "card"} or not isinstance(card, dict):
        raise ChatError(400, "INVALID_ARGUMENT")
    if set(card) - {"header", "sections", "cardActions", "name"}:
        raise ChatError(400, "INVALID_ARGUMENT")
    if "header" in card and not card["header"].get("title"):
        raise ChatError(400, "INVALID_ARGUMENT")
    widgets = [widget for section in card.get("sections", []) for widget in section["widgets"]]
    if not widgets or len(widgets) > _WIDGETS:
        raise ChatError(400, "INVALID_ARGUMENT")
    for widget in widgets:
        _check_widget(widget)


def _check_widget(widget: Json) -> None:
    if len(widget) != 1:
        raise ChatError(400, "INVALID_ARGUMENT")
    ((kind, value),) = widget.items()
    allowed = {
        "textParagraph": {"text", "maxLines"},
        "decoratedText": {"topLabel", "text", "bottomLabel", "wrapText", "startIcon", "onClick"},
        "buttonList": {"buttons"},
        "divider": set[str](),
    }
    if kind not in allowed or set(value) - allowed[kind]:
        raise ChatError(400, "INVALID_ARGUMENT")
    if kind in {"textParagraph", "decoratedText"} and not value.get("text"):
        raise ChatError(400, "INVALID_ARGUMENT")
    for button in value.get("buttons", []):
        address = button.get("onClick", {}).get("openLink", {}).get("url", "")
        if not button.get("text") or not address.startswith(("https://", "http://")):
            raise ChatError(400, "INVALID_ARGUMENT")


def _texts(value: Any, name: str = "") -> Iterator[str]:
    """Yield the texts that are shown; addresses behind buttons and ids are not."""
    if isinstance(value, dict):
        for key, child in value.items():
            if key not in {"onClick", "cardId"}:
                yield from _texts(child, key)
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child, name)
    elif isinstance(value, str):
        yield value


@contextmanager
def serve_google_chat() -> Iterator[FakeGoogleChat]:
    """Serve the fake on the loopback."""
    state = FakeGoogleChat()
    routes = [Route("/v1/spaces/{space}/messages", state.create, methods=["POST"])]
    with serving(Starlette(routes=routes)) as address:
        state.url = f"{address}/v1/spaces/{_SPACE}/messages?key={_KEY}&token={_TOKEN}"
        yield state
