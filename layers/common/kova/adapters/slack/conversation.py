"""Answers in Slack, and who the people in it are."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx

from kova.access.subject import ROLE_SCOPES, Subject
from kova.adapters.slack.blocks import render_blocks, text_blocks
from kova.adapters.slack.client import SlackClient
from kova.adapters.slack.messenger import SlackMessenger
from kova.notifications.exceptions import MessageRefusedError, MessengerError
from kova.notifications.post import ChatPost, plain_name
from kova.shared.reach import EVERYTHING

if TYPE_CHECKING:
    from kova.notifications.ports import Roles

_HOOKS: Final = "hooks.slack.com"
_ANSWERED: Final = 200
_WINDOW: Final = timedelta(hours=1)
_NOBODY: Final = (
    "is_bot",
    "is_workflow_bot",
    "deleted",
    "is_restricted",
    "is_ultra_restricted",
    "is_stranger",
)
_LOG: Final = logging.getLogger("kova.slack")


class SlackConversation:
    """Implements notifications.ports.ChatConversation."""

    def __init__(self, client: SlackClient, *, http: httpx.AsyncClient, api_url: str) -> None:
        """Answers go to Slack's hooks, and to the host of `api_url`, and nowhere else."""
        self._client = client
        self._messenger = SlackMessenger(client)
        self._http = http
        self._own_host = urlsplit(api_url).netloc

    async def reply(self, channel: str, thread: str, text: str, *, message_id: str) -> None:
        """Answer in a thread, unless the answer is there."""
        since = datetime.now(UTC) - _WINDOW
        find = self._messenger.find
        if await find(channel, message_id=message_id, thread_reference=thread, since=since):
            return
        await self._messenger.post(
            channel,
            text="Kova answers.",
            blocks=text_blocks(text),
            message_id=message_id,
            thread_ts=thread,
        )

    async def respond(self, response_url: str, channel: str, user: str, text: str) -> None:
        """Answer one person alone, at the address that came with the request if one did."""
        if not response_url:
            message = {"channel": channel, "user": user, "text": "Kova answers."}
            await self._client.post("chat.postEphemeral", {**message, "blocks": text_blocks(text)})
            return
        if not self._is_slacks(response_url):
            raise MessageRefusedError("The address for the answer is not Slack's.")
        body = {"response_type": "ephemeral", "replace_original": False, "text": "Kova answers."}
        content = json.dumps({**body, "blocks": text_blocks(text)}).encode()
        headers = {"content-type": "application/json"}
        try:
            response = await self._http.post(response_url, content=content, headers=headers)
        except httpx.HTTPError:
            raise MessengerError("Slack does not answer.") from None
        if response.status_code != _ANSWERED:
            # The address is good for half an hour and five answers.
            raise MessageRefusedError(f"Slack refuses the answer: {response.status_code}.")

    def _is_slacks(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        is_slack = parts.scheme == "https" and parts.netloc == _HOOKS
        return is_slack or parts.netloc == self._own_host

    async def update(self, channel: str, reference: str, post: ChatPost) -> None:
        """Replace a message."""
        await self._messenger.update(channel, reference, post)

    async def unfurl(self, channel: str, reference: str, posts: Mapping[str, ChatPost]) -> None:
        """Show what the links of a message are about."""
        unfurls = {url: {"blocks": render_blocks(post)} for url, post in posts.items()}
        body = {"channel": channel, "ts": reference, "unfurls": unfurls}
        await self._client.post("chat.unfurl", body)


class SlackPeople:
    """Implements notifications.ports.ChatPeople: by address, and fail closed.

    An address counts only in Kova's own workspace: that of another one, in a shared channel, is
    what its administrators say. It counts only where Slack has confirmed it: before that it is what
    somebody typed. Guests and programs are nobody.
    """

    def __init__(self, client: SlackClient, roles: Roles) -> None:
        self._client = client
        self._roles = roles
        self._team: str | None = None

    async def subject(self, team: str, user: str) -> Subject | None:
        """Return who it is; None: nobody that Kova knows."""
        if self._team is None:
            self._team = _text((await self._client.get("auth.test", {})).get("team_id"))
        if not self._team or team != self._team:
            return None
        try:
            answer = await self._client.get("users.info", {"user": user})
        except MessageRefusedError as exc:
            _LOG.warning("person not known", extra={"error": exc.message})
            return None
        person = answer.get("user")
        if not isinstance(person, dict) or person.get("team_id") != self._team:
            return None
        profile = person.get("profile")
        if any(person.get(flag) for flag in _NOBODY) or not isinstance(profile, dict):
            return None
        if person.get("is_email_confirmed") is not True:
            return None
        address = _text(profile.get("email"))
        role = self._roles.of(address) if address else None
        if role is None:
            return None
        name = _text(profile.get("real_name")) or user
        return Subject(
            actor=f"slack:{team}/{user}",
            name=plain_name(name, 80),
            scopes=ROLE_SCOPES[role],
            reach=EVERYTHING,
            key_id=None,
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
