"""Send what is due: each message once, in the order of its thread, as fast as chats allow.

A worker may die at any instruction. Whoever sends next knows from the row that an attempt was cut
short, and looks for its message in the channel before sending it again (docs/adr/0024).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kova.notifications.compose_post import ComposePost
from kova.notifications.exceptions import (
    ChannelRefusedError,
    MessageFaultError,
    MessageRefusedError,
    MessengerBusyError,
    MessengerError,
)
from kova.notifications.notice import ChannelClaim, DueMessage
from kova.notifications.ports import Messenger, NoticeStore
from kova.notifications.route_notices import RouteNotices
from kova.shared.exceptions import KovaError, UnavailableError
from kova.shared.meter import Meter

MOST_ATTEMPTS: Final = 8
LEASE: Final = timedelta(seconds=60)
"""Longer than an attempt may take: once it is over, no message of that attempt will come."""
PAUSE: Final = timedelta(seconds=1)
"""Slack and Google Chat allow a channel one message a second."""
_LONGEST_DELAY: Final = timedelta(minutes=15)
_LOG: Final = logging.getLogger("kova.notices")


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long a channel is claimed, the pause between its messages, the seconds of one call."""

    lease: timedelta = LEASE
    pause: timedelta = PAUSE
    seconds: float = 45.0


class SendNotices:
    """Plans and sends messages; a periodic task."""

    def __init__(
        self,
        *,
        store: NoticeStore,
        route: RouteNotices,
        compose: ComposePost,
        messengers: Mapping[str, Messenger],
        meter: Meter,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`messengers` are by the prefix of their channels' names: `slack`, `google_chat`."""
        self._store = store
        self._route = route
        self._compose = compose
        self._messengers = messengers
        self._meter = meter
        self._pace = pace or Pace()
        self._clock = clock
        self._sleep = sleep

    async def send(self) -> int:
        """Send what is due until nothing is, or the time is over; return how many were sent."""
        end = self._clock() + self._pace.seconds
        while await self._store.route(self._route.plan):
            pass
        sent = 0
        while self._clock() < end:
            claim = await self._store.claim(self._pace.lease)
            if claim is None:
                wait = await self._store.seconds_until_free()
                if wait is None or self._clock() + wait > end:
                    break
                await self._sleep(wait)
                continue
            try:
                sent += await self._send_next(claim)
            finally:
                await self._store.release(claim)
        return sent

    async def _send_next(self, claim: ChannelClaim) -> int:
        """Send the channel's next message; the pause after it is other channels' time."""
        message = await self._store.begin(claim, self._pace.lease)
        if message is None:
            return 0
        kind = message.notices[0].kind.value if message.notices else "none"
        outcome = "failed"
        try:
            outcome = await self._attempt(claim, message)
        except MessengerBusyError as exc:
            outcome = "waits"
            await self._put_back(claim, message, exc, certain=True, whole_channel=True)
        except (MessengerError, ChannelRefusedError) as exc:
            outcome = await self._try_later(claim, message, exc)
        except MessageRefusedError as exc:
            await self._give_up(claim, message, exc)
        except UnavailableError:
            raise
        except Exception as exc:  # noqa: BLE001 (it is logged, and told beside the message)
            # A message that cannot be written or read must keep no other one back.
            _LOG.exception("message not sent", extra={"message_id": message.id})
            outcome = await self._try_later(claim, message, MessageFaultError(type(exc).__name__))
        self._meter.count("kova_notices_total", kind=kind, outcome=outcome)
        return outcome == "sent"

    async def _attempt(self, claim: ChannelClaim, message: DueMessage) -> str:
        prefix, _, channel = message.channel.partition(":")
        messenger = self._messengers.get(prefix)
        if messenger is None:
            raise ChannelRefusedError("This chat is not configured.")
        reference = None
        if message.begun_before is not None:
            reference = await messenger.find(
                channel,
                message_id=message.id,
                thread_reference=message.thread_reference,
                since=message.begun_before,
            )
        if reference is None:
            post = await self._compose.compose(message.notices)
            if post is None:
                reason = "It was over before it was told."
                await self._store.end(claim, message.id, reason=reason, failed=False)
                return "dropped"
            reference = await messenger.send(
                channel,
                post,
                message_id=message.id,
                thread=(message.thread_key, message.thread_reference),
            )
        await self._store.record_sent(claim, message.id, reference, self._pace.pause)
        return "sent"

    async def _try_later(self, claim: ChannelClaim, message: DueMessage, error: KovaError) -> str:
        """Return the outcome: `retried`, or `failed` after the last attempt."""
        if message.attempt >= MOST_ATTEMPTS:
            await self._give_up(claim, message, error)
            return "failed"
        certain = isinstance(error, ChannelRefusedError)
        await self._put_back(claim, message, error, certain=certain, whole_channel=False)
        return "retried"

    async def _put_back(
        self,
        claim: ChannelClaim,
        message: DueMessage,
        error: KovaError,
        *,
        certain: bool,
        whole_channel: bool,
    ) -> None:
        delay = min(timedelta(seconds=2**message.attempt), _LONGEST_DELAY)
        asked = error.data.get("retry_after")
        if isinstance(asked, int | float):
            delay = timedelta(seconds=min(max(asked, 1), 3_600))
        await self._store.put_back(
            claim,
            message.id,
            reason=f"{error.reason}: {error.message}",
            delay=delay,
            certain=certain,
            whole_channel=whole_channel,
        )

    async def _give_up(self, claim: ChannelClaim, message: DueMessage, error: KovaError) -> None:
        reason = f"{error.reason}: {error.message}"
        _LOG.warning("message given up", extra={"message_id": message.id, "reason": reason})
        await self._store.end(claim, message.id, reason=reason, failed=True)
