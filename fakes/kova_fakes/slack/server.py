"""An incoming webhook that refuses what Slack refuses.

Bodies, limits and the plain texts of refusals: https://api.slack.com/messaging/webhooks and
https://api.slack.com/reference/messaging/payload
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kova_fakes.serving import serving

_PATH: Final = "/services/T00000000/B00000000/fake0123456789abcdef"
_MAX_TEXT: Final = 40_000
_MAX_ATTACHMENTS: Final = 100


class SlackBody(BaseModel):
    """A body that allows no other keys."""

    model_config = ConfigDict(extra="forbid")


class SlackField(SlackBody):
    """A short pair of a title and a value."""

    title: str = ""
    value: str = ""
    short: bool = False


class SlackAttachment(SlackBody):
    """A part of a message with a coloured edge."""

    title: str = ""
    title_link: str = ""
    pretext: str = ""
    text: str = ""
    fallback: str = ""
    callback_id: str = ""
    color: str = ""
    fields: list[SlackField] = []
    footer: str = ""
    image_url: str = ""
    thumb_url: str = ""
    author_name: str = ""
    ts: int | None = None
    mrkdwn_in: list[str] = []


class SlackMessage(SlackBody):
    """What an incoming webhook takes."""

    text: str = Field(default="", max_length=_MAX_TEXT)
    channel: str = ""
    username: str = ""
    icon_emoji: str = ""
    icon_url: str = ""
    link_names: bool = False
    mrkdwn: bool = True
    unfurl_links: bool = False
    unfurl_media: bool = True
    thread_ts: str = ""
    blocks: list[dict[str, Any]] = []
    attachments: list[SlackAttachment] = []


@dataclass(kw_only=True)
class FakeSlack:
    """The handle of a running fake, for tests.

    Attributes:
        url: the secret address of the webhook.
        messages: what the channel shows, oldest first.
        refused: why messages were refused.
    """

    url: str = ""
    messages: list[SlackMessage] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def refuse(self, status: int, text: str) -> Response:
        """Note a refusal and return it as Slack says it."""
        self.refused.append(text)
        return PlainTextResponse(text, status)

    async def post(self, request: Request) -> Response:
        """Answer one message."""
        try:
            message = await _read_message(request)
        except (ValueError, ValidationError) as exc:
            return self.refuse(400, f"invalid_payload: {exc}")
        if not (message.text or message.blocks or message.attachments):
            return self.refuse(400, "no_text")
        if len(message.attachments) > _MAX_ATTACHMENTS:
            return self.refuse(400, "too_many_attachments")
        if message.channel.startswith("#missing"):
            return self.refuse(404, "channel_not_found")
        self.messages.append(message)
        return PlainTextResponse("ok")

    async def refuse_token(self, _request: Request) -> Response:
        """Answer at an address that no webhook has."""
        return self.refuse(403, "invalid_token")


async def _read_message(request: Request) -> SlackMessage:
    kind = request.headers.get("content-type", "").partition(";")[0]
    body: str | bytes = await request.body()
    if kind == "application/x-www-form-urlencoded":
        body = str((await request.form())["payload"])
    elif kind != "application/json":
        raise ValueError(f"the content type is {kind or 'missing'}")
    return SlackMessage.model_validate(json.loads(body), strict=True)


@contextmanager
def serve_slack() -> Iterator[FakeSlack]:
    """Serve the fake on the loopback."""
    state = FakeSlack()
    routes = [
        Route(_PATH, state.post, methods=["POST"]),
        Route("/services/{rest:path}", state.refuse_token, methods=["POST"]),
    ]
    with serving(Starlette(routes=routes)) as address:
        state.url = address + _PATH
        yield state
