"""Notices in Google Chat, through the webhook of a space.

`requestId` makes a message idempotent: the same id again returns the first message. The thread's
key is Kova's own, so that no reference has to be remembered.
https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any, Final

import httpx

from kova.adapters.bounded_body import read_bounded
from kova.adapters.google_chat.cards import encode_message
from kova.notifications.exceptions import (
    ChannelRefusedError,
    MessageRefusedError,
    MessengerBusyError,
    MessengerError,
)
from kova.notifications.post import ChatPost

_SECONDS: Final = 10.0
_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER: Final = 500
_CHANNEL_STATUSES: Final = frozenset({401, 403, 404})
_LIMIT: Final = 200_000


class GoogleChatMessenger:
    """Implements notifications.ports.Messenger."""

    def __init__(
        self, *, webhook_url: str, http: httpx.AsyncClient, seconds: float = _SECONDS
    ) -> None:
        """`webhook_url` holds the key and the token of the space: it is never shown."""
        self._url = httpx.URL(webhook_url)
        self._http = http
        self._seconds = seconds

    async def send(
        self, channel: str, post: ChatPost, *, message_id: str, thread: tuple[str, str | None]
    ) -> str:
        """Send a message and return its resource name."""
        del channel  # A webhook belongs to one space.
        content = encode_message(post, thread_key=thread[0], card_id=message_id)
        url = self._url.copy_merge_params(
            {
                "requestId": message_id,
                "messageReplyOption": "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD",
            }
        )
        headers = {"content-type": "application/json; charset=UTF-8"}
        request = self._http.build_request("POST", url, content=content, headers=headers)
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._http.send(request, stream=True, follow_redirects=False)
                try:
                    answer = await _read(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError):
            # Without its cause, whose request holds the address.
            raise MessengerError("Google Chat does not answer.") from None
        return _message_name(response, answer)

    async def find(
        self, channel: str, *, message_id: str, thread_reference: str | None, since: datetime
    ) -> str | None:
        """Return None: sent again with the same `requestId`, a message is not doubled."""
        del channel, message_id, thread_reference, since
        return None


async def _read(response: httpx.Response) -> bytes:
    content = await read_bounded(response, _LIMIT)
    if content is None:
        raise MessengerError("Google Chat's answer is too large.")
    return content


def _message_name(response: httpx.Response, content: bytes) -> str:
    status = response.status_code
    if status == _TOO_MANY:
        text = response.headers.get("retry-after", "")
        wait = int(text) if text.isascii() and text.isdigit() else 30
        raise MessengerBusyError("Google Chat asks to wait.", retry_after=wait)
    if status >= _SERVER:
        raise MessengerError(f"Google Chat answers with status {status}.")
    if status in _CHANNEL_STATUSES:
        raise ChannelRefusedError(f"Google Chat refuses the webhook with status {status}.")
    if status != _OK:
        raise MessageRefusedError(f"Google Chat refuses the message with status {status}.")
    try:
        answer: Any = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise MessengerError("Google Chat's answer is not JSON.") from exc
    name = answer.get("name") if isinstance(answer, dict) else None
    if not isinstance(name, str) or not name:
        raise MessengerError("Google Chat's answer names no message.")
    return name
