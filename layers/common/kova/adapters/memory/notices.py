"""Notices and the messages about them in memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.outbox import NoticeRow
from kova.adapters.memory.pages import newest_first
from kova.errors.error import ErrorStatus
from kova.fixes.fix import FixStatus
from kova.notifications.notice import (
    TOLD_FROM,
    ChannelClaim,
    DueMessage,
    MessageRecord,
    MessageStatus,
    Notice,
    NoticeKind,
    PlannedMessage,
)
from kova.shared.page import Page, PageRequest, Position


@dataclass(kw_only=True)
class _MessageRow:
    id: str
    channel: str
    thread_key: str
    notice_ids: tuple[str, ...]
    due_at: datetime
    created_at: datetime
    status: MessageStatus = MessageStatus.DUE
    attempts: int = 0
    begun_at: datetime | None = None
    reference: str | None = None
    reason: str | None = None
    ended_at: datetime | None = None


@dataclass(kw_only=True)
class _ChannelRow:
    free_at: datetime
    lease: str | None = None
    lease_until: datetime | None = None


class MemoryNoticeStore:
    """Implements notifications.ports.NoticeStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._messages: list[_MessageRow] = []
        self._channels: dict[str, _ChannelRow] = {}

    async def route(self, plan: Callable[[Sequence[Notice]], Sequence[PlannedMessage]]) -> int:
        """Plan the messages of new notices and record them."""
        now, outbox = self._database.now(), self._database.outbox
        fresh = {key: row for key, row in outbox.rows.items() if not row.is_routed}
        for planned in plan([self._read(row) for row in fresh.values()]):
            self._channels.setdefault(planned.channel, _ChannelRow(free_at=now))
            self._messages.append(
                _MessageRow(
                    id=str(uuid.uuid4()),
                    channel=planned.channel,
                    thread_key=planned.thread_key,
                    notice_ids=tuple(notice.id for notice in planned.notices),
                    due_at=planned.due_at,
                    created_at=self._database.now(),
                )
            )
        outbox.mark_routed(fresh)
        return len(fresh)

    async def claim(self, lease: timedelta) -> ChannelClaim | None:
        """Claim a channel that has a message due and that may be sent to now."""
        now = self._database.now()
        for name, row in self._waiting(now):
            if row.free_at <= now:
                row.lease, row.lease_until = str(uuid.uuid4()), now + lease
                return ChannelClaim(channel=name, lease=row.lease)
        return None

    async def seconds_until_free(self) -> float | None:
        """Return when a channel with a due message may be sent to again; None: there is none."""
        now = self._database.now()
        for _, row in self._waiting(now):
            return max((row.free_at - now).total_seconds(), 0.0)
        return None

    def _waiting(self, now: datetime) -> list[tuple[str, _ChannelRow]]:
        """Return the channels with a message that may be sent, the one that is free first."""
        return sorted(
            (
                (name, row)
                for name, row in self._channels.items()
                if (row.lease_until is None or row.lease_until <= now)
                and self._next(name, now) is not None
            ),
            key=lambda pair: pair[1].free_at,
        )

    async def begin(self, claim: ChannelClaim, lease: timedelta) -> DueMessage | None:
        """Record that the channel's next message is being sent, and prolong the lease."""
        now, channel = self._database.now(), self._held(claim)
        if channel is None or channel.free_at > now:
            return None
        channel.lease_until = now + lease
        message = self._next(claim.channel, now)
        if message is None:
            return None
        begun_before = message.begun_at
        message.attempts += 1
        message.begun_at = message.begun_at or now
        notices = {row.notice.id: row for row in self._database.outbox.rows.values()}
        return DueMessage(
            id=message.id,
            channel=message.channel,
            thread_key=message.thread_key,
            notices=tuple(self._read(notices[key]) for key in message.notice_ids),
            attempt=message.attempts,
            begun_before=begun_before,
            thread_reference=self._thread_reference(message),
        )

    async def record_sent(
        self, claim: ChannelClaim, message_id: str, reference: str, pause: timedelta
    ) -> None:
        """Record the channel's id of a message, also where the claim was lost meanwhile."""
        now = self._database.now()
        message = self._due_row(message_id)
        if message is not None:
            message.status, message.reference = MessageStatus.SENT, reference
            message.reason, message.ended_at = None, now
        self._pause(claim.channel, now + pause)

    async def put_back(
        self,
        claim: ChannelClaim,
        message_id: str,
        *,
        reason: str,
        delay: timedelta,
        certain: bool,
        whole_channel: bool,
    ) -> None:
        """Let the message be sent later."""
        now, message = self._database.now(), self._due_row(message_id)
        if message is None or self._held(claim) is None:
            return
        message.reason = reason
        message.due_at = now if whole_channel else now + delay
        if certain:
            message.begun_at = None
        if whole_channel:
            message.attempts -= 1
            self._pause(claim.channel, now + delay)

    async def end(self, claim: ChannelClaim, message_id: str, *, reason: str, failed: bool) -> None:
        """Give a message up, or drop it because there is nothing to tell any more."""
        message = self._due_row(message_id)
        if message is not None and self._held(claim) is not None:
            message.status = MessageStatus.FAILED if failed else MessageStatus.DROPPED
            message.reason, message.ended_at = reason, self._database.now()

    async def release(self, claim: ChannelClaim) -> None:
        """Let others send to the channel."""
        channel = self._held(claim)
        if channel is not None:
            channel.lease = channel.lease_until = None

    async def record_digest(self, day: str) -> int:
        """Record the notices of a day's digest; return how many are new."""
        since = self._database.now() - timedelta(days=1)
        return sum(
            self._record_digest(repository_id, day, since)
            for repository_id in self._database.repositories
        )

    def _record_digest(self, repository_id: str, day: str, since: datetime) -> bool:
        rows = [row for row in self._database.errors.values() if row.repository_id == repository_id]
        live = [row for row in rows if row.status is ErrorStatus.OPEN]
        fresh = sum(row.first_seen_at > since for row in live)
        closed = sum(row.fixed_at is not None and row.fixed_at > since for row in rows)
        ids = {row.id for row in live}
        ready = sum(
            fix.status is FixStatus.VERIFIED and fix.error_id in ids
            for fix in self._database.fixes.values()
        )
        if not fresh and not closed:
            return False
        key = f"digest:{repository_id}:{day}"
        severe = sum(row.finding.severity.at_least(TOLD_FROM) for row in live)
        return self._database.outbox.record(
            key,
            NoticeKind.DIGEST,
            subject=day,
            thread_key=key,
            group_key=f"digest:{day}",
            created_at=self._database.now(),
            repository_id=repository_id,
            facts={
                "day": day,
                "new": str(fresh),
                "fixed": str(closed),
                "open": str(len(live)),
                "severe": str(severe),
                "fixes": str(ready),
            },
        )

    async def notices_of(self, channel: str, reference: str) -> Sequence[Notice]:
        """Return what a message that was sent is about; nothing where it is none of Kova's."""
        self._database.check()
        notices = {row.notice.id: row for row in self._database.outbox.rows.values()}
        for message in self._messages:
            if (message.channel, message.reference) == (channel, reference):
                return [self._read(notices[key]) for key in message.notice_ids]
        return []

    async def page(self, request: PageRequest) -> Page[MessageRecord]:
        """List the messages, newest first."""
        self._database.check()
        notices = {row.notice.id: row for row in self._database.outbox.rows.values()}
        return newest_first(
            [
                _record(message, self._read(notices[message.notice_ids[0]]))
                for message in self._messages
            ],
            request,
            lambda record: Position(at=record.created_at, id=record.id),
        )

    def _read(self, row: NoticeRow) -> Notice:
        repository = self._database.repositories.get(row.repository_id or "")
        if repository is None:
            return row.notice
        return replace(
            row.notice,
            repository=repository.full_name,
            slack_channel=repository.slack_channel,
            notify_severity=repository.notify_severity,
            quiet_hours=repository.quiet_hours,
        )

    def _held(self, claim: ChannelClaim) -> _ChannelRow | None:
        self._database.check()
        row = self._channels.get(claim.channel)
        return row if row is not None and row.lease == claim.lease else None

    def _due_row(self, message_id: str) -> _MessageRow | None:
        rows: Iterable[_MessageRow] = self._messages
        return next(
            (row for row in rows if row.id == message_id and row.status is MessageStatus.DUE), None
        )

    def _pause(self, channel: str, until: datetime) -> None:
        row = self._channels[channel]
        row.free_at = max(row.free_at, until)

    def _next(self, channel: str, now: datetime) -> _MessageRow | None:
        waiting: set[str] = set()
        for message in self._messages:
            if message.channel != channel or message.status is not MessageStatus.DUE:
                continue
            if message.due_at <= now and message.thread_key not in waiting:
                return message
            waiting.add(message.thread_key)
        return None

    def _thread_reference(self, message: _MessageRow) -> str | None:
        for earlier in self._messages:
            if earlier is message:
                return None
            same = (earlier.channel, earlier.thread_key) == (message.channel, message.thread_key)
            if same and earlier.status is MessageStatus.SENT:
                return earlier.reference
        return None


def _record(message: _MessageRow, notice: Notice) -> MessageRecord:
    return MessageRecord(
        id=message.id,
        channel=message.channel,
        kind=notice.kind,
        repository=notice.repository,
        notices=len(message.notice_ids),
        status=message.status,
        attempts=message.attempts,
        reason=message.reason,
        created_at=message.created_at,
        ended_at=message.ended_at,
    )
