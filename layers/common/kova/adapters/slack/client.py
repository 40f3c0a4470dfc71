"""Slack's Web API over httpx: one call, bounded in time and size, its refusals told apart.

https://docs.slack.dev/apis/web-api and https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from kova.adapters.bounded_body import read_bounded
from kova.notifications.exceptions import (
    ChannelRefusedError,
    MessageRefusedError,
    MessengerBusyError,
    MessengerError,
)

SLACK_API: Final = "https://slack.com/api"
_SECONDS: Final = 10.0
_LIMIT: Final = 4_000_000
_TOO_MANY: Final = 429
_SERVER: Final = 500
# What people can change: the app's rights, its token, and who is in a channel.
_CHANNEL_ERRORS: Final = frozenset(
    """channel_not_found not_in_channel is_archived restricted_action posting_to_channel_denied
    missing_scope not_authed invalid_auth account_inactive token_revoked token_expired no_permission
    org_login_required ekm_access_denied team_access_not_granted access_denied
    not_allowed_token_type""".split()
)
_MOMENTARY: Final = frozenset(
    "internal_error fatal_error service_unavailable request_timeout team_added_to_org".split()
)
_BUSY: Final = frozenset(
    "ratelimited rate_limited message_limit_exceeded limit_required accesslimited".split()
)


class SlackClient:
    """Calls methods of the Web API with the bot's token, which goes to that address alone."""

    def __init__(
        self,
        *,
        token: str,
        http: httpx.AsyncClient,
        url: str = SLACK_API,
        seconds: float = _SECONDS,
    ) -> None:
        self._token = token
        self._http = http
        self._url = url.rstrip("/")
        self._seconds = seconds

    async def post(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call a method that takes JSON, and return its answer.

        Raises:
            MessengerBusyError: Slack asks to wait; nothing was done.
            MessengerError: Slack does not answer; it may have been done.
            ChannelRefusedError: the app may not; people can change that.
            MessageRefusedError: Slack refuses what was sent.
        """
        content = json.dumps(body, ensure_ascii=True).encode()
        headers = {"content-type": "application/json; charset=utf-8"}
        return await self._call(
            self._http.build_request(
                "POST", f"{self._url}/{method}", content=content, headers=headers
            )
        )

    async def get(self, method: str, arguments: Mapping[str, str]) -> dict[str, Any]:
        """Call a method that reads, whose arguments are those of a form; errors are as of post."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self._call(
            self._http.build_request(
                "POST", f"{self._url}/{method}", content=urlencode(arguments), headers=headers
            )
        )

    async def _call(self, request: httpx.Request) -> dict[str, Any]:
        request.headers["authorization"] = f"Bearer {self._token}"
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._http.send(request, stream=True, follow_redirects=False)
                try:
                    content = await _read(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as exc:
            raise MessengerError("Slack does not answer.") from exc
        return _decipher(response, content)


async def _read(response: httpx.Response) -> bytes:
    content = await read_bounded(response, _LIMIT)
    if content is None:
        raise MessengerError("Slack's answer is too large.")
    return content


def _decipher(response: httpx.Response, content: bytes) -> dict[str, Any]:
    if response.status_code == _TOO_MANY:
        raise MessengerBusyError("Slack asks to wait.", retry_after=_retry_after(response))
    if response.status_code >= _SERVER:
        raise MessengerError(f"Slack answers with status {response.status_code}.")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise MessengerError("Slack's answer is not JSON.") from exc
    if not isinstance(answer, dict):
        raise MessengerError("Slack's answer is not an object.")
    if answer.get("ok") is True:
        return answer
    error = str(answer.get("error", "unknown"))[:100]
    if error in _BUSY:
        raise MessengerBusyError(
            f"Slack asks to wait: {error}.", retry_after=_retry_after(response)
        )
    if error in _MOMENTARY:
        raise MessengerError(f"Slack failed: {error}.")
    kind = ChannelRefusedError if error in _CHANNEL_ERRORS else MessageRefusedError
    raise kind(f"Slack refuses: {error}.", error=error)


def _retry_after(response: httpx.Response) -> int:
    text = response.headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdigit() else 30
