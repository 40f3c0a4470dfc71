"""Notices in Slack: messages that can be found again by an id of Kova's.

`chat.postMessage` has no key that makes it idempotent. Each message carries the id in its metadata,
and whoever finds an attempt cut short reads the channel, or the thread, before sending again.
https://docs.slack.dev/messaging/message-metadata
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from kova.adapters.slack.blocks import Block, fallback_text, render_blocks
from kova.adapters.slack.client import SlackClient
from kova.notifications.exceptions import MessengerError
from kova.notifications.post import ChatPost

EVENT_TYPE: Final = "kova_notice"
_PAGE: Final = "200"
_MOST_PAGES: Final = 50
_CLOCK_SECONDS: Final = 120.0
"""How far Slack's clock and that of the database may be apart."""


class SlackMessenger:
    """Implements notifications.ports.Messenger."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def send(
        self, channel: str, post: ChatPost, *, message_id: str, thread: tuple[str, str | None]
    ) -> str:
        """Send a message and return its `ts`."""
        return await self.post(
            channel,
            text=fallback_text(post),
            blocks=render_blocks(post),
            message_id=message_id,
            thread_ts=thread[1],
        )

    async def post(
        self,
        channel: str,
        *,
        text: str,
        blocks: list[Block],
        message_id: str,
        thread_ts: str | None,
    ) -> str:
        """Send blocks and return the message's `ts`."""
        body: dict[str, Any] = {
            "channel": channel,
            "text": text,
            "blocks": blocks,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"id": message_id}},
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread_ts is not None:
            body["thread_ts"] = thread_ts
        answer = await self._client.post("chat.postMessage", body)
        return _ts(answer.get("ts"))

    async def update(self, channel: str, ts: str, post: ChatPost) -> None:
        """Replace a message; its metadata stays as it is."""
        body = {
            "channel": channel,
            "ts": ts,
            "text": fallback_text(post),
            "blocks": render_blocks(post),
        }
        await self._client.post("chat.update", body)

    async def find(
        self, channel: str, *, message_id: str, thread_reference: str | None, since: datetime
    ) -> str | None:
        """Return the `ts` of the message that has this id in its metadata.

        Replies are not in a channel's history: they are looked for in their thread.
        """
        arguments = {
            "channel": channel,
            "oldest": f"{since.timestamp() - _CLOCK_SECONDS:.6f}",
            "limit": _PAGE,
            "include_all_metadata": "true",
        }
        method = "conversations.history"
        if thread_reference is not None:
            method, arguments["ts"] = "conversations.replies", thread_reference
        for _ in range(_MOST_PAGES):
            answer = await self._client.get(method, arguments)
            for message in _objects(answer.get("messages")):
                if _kova_id(message) == message_id:
                    return _ts(message.get("ts"))
            metadata = answer.get("response_metadata")
            cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
            if not isinstance(cursor, str) or not cursor:
                return None
            arguments["cursor"] = cursor
        raise MessengerError("The channel has too many messages to look through.")


def _objects(value: Any) -> Iterable[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _kova_id(message: dict[str, Any]) -> object:
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    return payload.get("id") if isinstance(payload, dict) else None


def _ts(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise MessengerError("Slack's answer names no message.")
    return value
