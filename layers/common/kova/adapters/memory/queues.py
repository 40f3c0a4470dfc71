"""The queues in memory; messages are encoded as on SQS, and a worker's side behaves as SQS does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kova.adapters.memory.availability import Switchable
from kova.fixes.message import decode_publish_job, encode_publish_job
from kova.scans.message import ScanJob, ScanRetry, decode_scan_job, encode_scan_job
from kova.scans.scan import ScanTarget
from kova.shared.exceptions import QueueUnavailableError
from kova.shared.queue_consumer import Received


@dataclass(kw_only=True)
class MemoryScanQueue(Switchable):
    """Implements scans.ports.ScanQueue."""

    outage = QueueUnavailableError
    messages: list[str] = field(default_factory=list)

    def send(self, target: ScanTarget, retry: ScanRetry | None = None) -> None:
        """Accept a scan."""
        self.check()
        self.messages.append(encode_scan_job(ScanJob(target=target, retry=retry)))

    def ping(self) -> None:
        """Raise QueueUnavailableError when the queue is not available."""
        self.check()

    def targets(self) -> list[ScanTarget]:
        """Return the scans that were accepted, the first one first."""
        return [decode_scan_job(message).target for message in self.messages]


@dataclass(kw_only=True)
class MemoryFixQueue(Switchable):
    """Implements fixes.ports.FixQueue."""

    outage = QueueUnavailableError
    messages: list[str] = field(default_factory=list)

    def send_fix(self, fix_id: str) -> None:
        """Accept a fix."""
        self.check()
        self.messages.append(encode_publish_job(fix_id))

    def fix_ids(self) -> list[str]:
        """Return the fixes that were accepted, the first one first."""
        return [decode_publish_job(message) for message in self.messages]


@dataclass(frozen=True, kw_only=True)
class _Message:
    body: str
    sent_at: datetime
    visible_at: datetime
    group: str | None
    receipts: int = 0
    receipt: str = ""


@dataclass(kw_only=True)
class MemoryQueue(Switchable):
    """Implements shared.queue_consumer.QueueConsumer. Nothing is waited for: time is the clock's.

    Attributes:
        now: the clock.
        most_receipts: one received so often, and visible again, goes to the dead letters.
        dead: the dead letters with their reasons; None where the queue itself gave one up.
    """

    outage = QueueUnavailableError
    now: Callable[[], datetime]
    most_receipts: int = 10
    dead: list[tuple[str, str | None]] = field(default_factory=list)
    _messages: list[_Message] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def send(self, body: str, *, delay: int = 0, group: str | None = None) -> None:
        """Accept a message, visible after some seconds."""
        self.check()
        now = self.now()
        message = _Message(
            body=body, sent_at=now, visible_at=now + timedelta(seconds=delay), group=group
        )
        self._messages.append(message)

    def receive(self, *, limit: int, visibility: int) -> Sequence[Received]:
        """Return those that are visible, the first one first; never waits."""
        self.check()
        now = self.now()
        self._bury_worn(now)
        visible = [message for message in self._messages if message.visible_at <= now]
        visible.sort(key=lambda message: message.visible_at)
        return [self._hand_out(message, now, visibility) for message in visible[:limit]]

    def delete(self, message: Received) -> None:
        """Forget it; an older receipt deletes nothing."""
        self.check()
        self._messages = [stored for stored in self._messages if stored.receipt != message.receipt]

    def hide(self, message: Received, seconds: int) -> None:
        """Keep it from others, or give it back, for so many seconds from now."""
        self.check()
        until = self.now() + timedelta(seconds=seconds)
        self._messages = [
            replace(stored, visible_at=until) if stored.receipt == message.receipt else stored
            for stored in self._messages
        ]

    def postpone(self, message: Received, body: str, delay: int) -> None:
        """Send another message in its place, after a quarter of an hour at most."""
        self.send(body, delay=max(0, min(delay, 900)), group=message.group)
        self.delete(message)

    def bury(self, message: Received, reason: str) -> None:
        """Move it to the dead letters with its reason."""
        self.delete(message)
        self.dead.append((message.body, reason))

    def next_visible(self) -> datetime | None:
        """Return when the next message can be received; None for an empty queue."""
        return min((message.visible_at for message in self._messages), default=None)

    def __len__(self) -> int:
        return len(self._messages)

    def _hand_out(self, message: _Message, now: datetime, visibility: int) -> Received:
        handed = replace(
            message,
            visible_at=now + timedelta(seconds=visibility),
            receipts=message.receipts + 1,
            receipt=str(next(self._numbers)),
        )
        self._messages[self._messages.index(message)] = handed
        return Received(
            body=handed.body,
            receipt=handed.receipt,
            attempt=handed.receipts,
            waited=(now - handed.sent_at).total_seconds(),
            group=handed.group,
        )

    def _bury_worn(self, now: datetime) -> None:
        for message in list(self._messages):
            if message.receipts >= self.most_receipts and message.visible_at <= now:
                self._messages.remove(message)
                self.dead.append((message.body, None))
