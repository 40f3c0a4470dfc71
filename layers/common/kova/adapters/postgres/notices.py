"""Notices and the messages about them in Postgres."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from psycopg.rows import DictRow

from kova.adapters.postgres.pool import Connection, Database
from kova.adapters.postgres.rows import as_uuid, clean_values, fetch_page
from kova.notifications.notice import (
    ChannelClaim,
    DueMessage,
    MessageRecord,
    MessageStatus,
    Notice,
    NoticeKind,
    PlannedMessage,
)
from kova.shared.page import Page, PageRequest
from kova.shared.severity import Severity

_AT_ONCE: Final = 5_000
_SECONDS: Final = 60.0

_SELECT: Final[LiteralString] = """
SELECT notices.*, repositories.full_name, repositories.slack_channel,
    repositories.notify_severity, repositories.quiet_hours
FROM notices LEFT JOIN repositories ON repositories.id = notices.repository_id"""
_UNROUTED: Final[LiteralString] = (
    _SELECT
    + """ WHERE notices.routed_at IS NULL
ORDER BY notices.sequence LIMIT %(limit)s FOR UPDATE OF notices SKIP LOCKED"""
)
_ROUTED: Final[LiteralString] = "UPDATE notices SET routed_at = now() WHERE id = ANY(%(ids)s)"
_CHANNEL: Final[LiteralString] = (
    "INSERT INTO notice_channels (name) VALUES (%(channel)s) ON CONFLICT (name) DO NOTHING"
)
_MESSAGE: Final[LiteralString] = """
INSERT INTO notice_messages (channel, thread_key, notice_ids, due_at)
VALUES (%(channel)s, %(thread_key)s, %(notice_ids)s, %(due_at)s)"""

# A message that may be sent: due, and no earlier one of its thread is still to be sent.
_READY: Final[LiteralString] = """
FROM notice_messages AS message
WHERE message.status = 'due' AND message.due_at <= now() AND NOT EXISTS (
    SELECT FROM notice_messages AS earlier
    WHERE earlier.channel = message.channel AND earlier.thread_key = message.thread_key
        AND earlier.status = 'due' AND earlier.sequence < message.sequence)
    AND message.channel = """
_NEXT: Final[LiteralString] = (
    "SELECT message.id" + _READY + "%(channel)s ORDER BY message.sequence LIMIT 1"
)
# A channel that is nobody's and has such a message.
_WAITING: Final[LiteralString] = (
    """ FROM notice_channels
WHERE (lease_until IS NULL OR lease_until <= now()) AND EXISTS (SELECT"""
    + _READY
    + "notice_channels.name)"
)
_CLAIM: Final[LiteralString] = (
    """
UPDATE notice_channels SET lease = %(lease)s, lease_until = now() + %(duration)s
WHERE name = (SELECT name"""
    + _WAITING
    + """ AND free_at <= now() ORDER BY free_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING name"""
)
_FREE: Final[LiteralString] = (
    "SELECT extract(epoch FROM min(free_at) - now())::float8 AS seconds"  # noqa: S608 (as above)
    + _WAITING
)
_RENEW: Final[LiteralString] = """
UPDATE notice_channels SET lease_until = now() + %(duration)s
WHERE name = %(channel)s AND lease = %(lease)s AND free_at <= now() RETURNING name"""
_HELD: Final[LiteralString] = """
SELECT name FROM notice_channels WHERE name = %(channel)s AND lease = %(lease)s FOR UPDATE"""
_BEGIN: Final[LiteralString] = """
UPDATE notice_messages AS message SET attempts = message.attempts + 1,
    begun_at = coalesce(message.begun_at, now())
FROM notice_messages AS before
WHERE message.id = %(id)s AND before.id = message.id
RETURNING message.*, before.begun_at AS begun_before, (
    SELECT first.reference FROM notice_messages AS first
    WHERE first.channel = message.channel AND first.thread_key = message.thread_key
        AND first.status = 'sent' AND first.sequence < message.sequence
    ORDER BY first.sequence LIMIT 1) AS thread_reference"""
_SENT: Final[LiteralString] = """
UPDATE notice_messages SET status = 'sent', reference = %(reference)s, reason = NULL,
    ended_at = now() WHERE id = %(id)s AND status = 'due'"""
_PUT_BACK: Final[LiteralString] = """
UPDATE notice_messages SET reason = %(reason)s, due_at = now() + %(delay)s,
    begun_at = CASE WHEN %(certain)s THEN NULL ELSE begun_at END,
    attempts = attempts - %(uncounted)s::int
WHERE id = %(id)s AND status = 'due'"""
_END: Final[LiteralString] = """
UPDATE notice_messages SET status = %(status)s, reason = %(reason)s, ended_at = now()
WHERE id = %(id)s AND status = 'due'"""
_PAUSE: Final[LiteralString] = """
UPDATE notice_channels SET free_at = greatest(free_at, now() + %(pause)s)
WHERE name = %(channel)s"""
_RELEASE: Final[LiteralString] = """
UPDATE notice_channels SET lease = NULL, lease_until = NULL
WHERE name = %(channel)s AND lease = %(lease)s"""
_DIGEST: Final[LiteralString] = """
INSERT INTO notices (repository_id, kind, subject, dedupe_key, thread_key, group_key, facts)
SELECT id, 'digest', %(day)s, 'digest:' || id || ':' || %(day)s, 'digest:' || id || ':' || %(day)s,
    'digest:' || %(day)s, jsonb_build_object('day', %(day)s::text, 'new', fresh::text,
        'fixed', closed::text, 'open', coalesce(opened, 0)::text,
        'severe', coalesce(severe, 0)::text, 'fixes', ready::text)
FROM repositories, LATERAL (
    SELECT (SELECT sum(number) FROM open_errors WHERE repository_id = repositories.id) AS opened,
        (SELECT sum(number) FROM open_errors WHERE repository_id = repositories.id
            AND severity IN ('critical', 'high')) AS severe,
        (SELECT count(*) FROM errors WHERE repository_id = repositories.id AND status = 'open'
            AND first_seen_at > now() - interval '1 day') AS fresh,
        (SELECT count(*) FROM errors WHERE repository_id = repositories.id AND status = 'fixed'
            AND fixed_at > now() - interval '1 day') AS closed,
        (SELECT count(*) FROM auto_fixes JOIN errors ON errors.id = auto_fixes.error_id
            WHERE errors.repository_id = repositories.id AND auto_fixes.status = 'verified'
            AND errors.status = 'open') AS ready
) AS counts
WHERE fresh > 0 OR closed > 0
ON CONFLICT (dedupe_key) DO NOTHING"""
_OF_MESSAGE: Final[LiteralString] = """
JOIN notice_messages ON notices.id = ANY(notice_messages.notice_ids)
WHERE notice_messages.channel = %(channel)s AND notice_messages.reference = %(reference)s
ORDER BY notices.sequence LIMIT 100"""
_PAGE: Final[LiteralString] = """
SELECT notice_messages.*, notices.kind, repositories.full_name
FROM notice_messages LEFT JOIN notices ON notices.id = notice_messages.notice_ids[1]
LEFT JOIN repositories ON repositories.id = notices.repository_id"""


class PostgresNoticeStore:
    """Implements notifications.ports.NoticeStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def route(self, plan: Callable[[Sequence[Notice]], Sequence[PlannedMessage]]) -> int:
        """Plan the messages of new notices and record them, in one transaction."""
        async with self._database.transaction(seconds=_SECONDS) as connection:
            rows = await (await connection.execute(_UNROUTED, {"limit": _AT_ONCE})).fetchall()
            if not rows:
                return 0
            planned = plan([_notice(row) for row in rows])
            for channel in sorted({message.channel for message in planned}):
                await connection.execute(_CHANNEL, clean_values({"channel": channel}))
            if planned:
                values = [_message_values(message) for message in planned]
                await connection.cursor().executemany(_MESSAGE, values)
            await connection.execute(_ROUTED, {"ids": [row["id"] for row in rows]})
        return len(rows)

    async def claim(self, lease: timedelta) -> ChannelClaim | None:
        """Claim a channel that has a message due and that may be sent to now."""
        token = uuid.uuid4()
        async with self._database.transaction() as connection:
            values = {"lease": token, "duration": lease}
            row = await (await connection.execute(_CLAIM, values)).fetchone()
        return ChannelClaim(channel=row["name"], lease=str(token)) if row else None

    async def seconds_until_free(self) -> float | None:
        """Return when a channel with a due message may be sent to again; None: there is none."""
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_FREE)).fetchone()
        return max(row["seconds"], 0.0) if row and row["seconds"] is not None else None

    async def begin(self, claim: ChannelClaim, lease: timedelta) -> DueMessage | None:
        """Record that the channel's next message is being sent, and prolong the lease."""
        values = {**_claim_values(claim), "duration": lease}
        async with self._database.transaction() as connection:
            if await (await connection.execute(_RENEW, values)).fetchone() is None:
                return None
            following = await (await connection.execute(_NEXT, values)).fetchone()
            if following is None:
                return None
            row = await (await connection.execute(_BEGIN, following)).fetchone()
            assert row is not None
            query: LiteralString = _SELECT + " WHERE notices.id = ANY(%(ids)s)"
            cursor = await connection.execute(query, {"ids": row["notice_ids"]})
            notices = {notice["id"]: _notice(notice) async for notice in cursor}
        return DueMessage(
            id=str(row["id"]),
            channel=row["channel"],
            thread_key=row["thread_key"],
            notices=tuple(notices[key] for key in row["notice_ids"] if key in notices),
            attempt=row["attempts"],
            begun_before=row["begun_before"],
            thread_reference=row["thread_reference"],
        )

    async def record_sent(
        self, claim: ChannelClaim, message_id: str, reference: str, pause: timedelta
    ) -> None:
        """Record the channel's id of a message, also where the claim was lost meanwhile."""
        values = {"id": as_uuid(message_id), "reference": reference, "pause": pause}
        async with self._database.transaction() as connection:
            await connection.execute(_SENT, clean_values(values))
            await connection.execute(_PAUSE, {**_claim_values(claim), **values})

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
        values = {
            "id": as_uuid(message_id),
            "reason": reason,
            "delay": timedelta(0) if whole_channel else delay,
            "certain": certain,
            "uncounted": whole_channel,
            "pause": delay,
        }
        async with self._database.transaction() as connection:
            if await self._holds(connection, claim):
                await connection.execute(_PUT_BACK, clean_values(values))
                if whole_channel:
                    await connection.execute(_PAUSE, {**_claim_values(claim), **values})

    async def end(self, claim: ChannelClaim, message_id: str, *, reason: str, failed: bool) -> None:
        """Give a message up, or drop it because there is nothing to tell any more."""
        status = MessageStatus.FAILED if failed else MessageStatus.DROPPED
        values = {"id": as_uuid(message_id), "status": status.value, "reason": reason}
        async with self._database.transaction() as connection:
            if await self._holds(connection, claim):
                await connection.execute(_END, clean_values(values))

    async def release(self, claim: ChannelClaim) -> None:
        """Let others send to the channel."""
        async with self._database.transaction() as connection:
            await connection.execute(_RELEASE, _claim_values(claim))

    async def record_digest(self, day: str) -> int:
        """Record the notices of a day's digest; return how many are new."""
        async with self._database.transaction(seconds=_SECONDS) as connection:
            return (await connection.execute(_DIGEST, {"day": day})).rowcount

    async def notices_of(self, channel: str, reference: str) -> Sequence[Notice]:
        """Return what a message that was sent is about."""
        query: LiteralString = _SELECT + _OF_MESSAGE
        values = clean_values({"channel": channel, "reference": reference})
        async with self._database.transaction() as connection:
            return [_notice(row) async for row in await connection.execute(query, values)]

    async def page(self, request: PageRequest) -> Page[MessageRecord]:
        """List the messages, newest first."""
        async with self._database.reading() as connection:
            return await fetch_page(
                connection,
                select=_PAGE,
                table="notice_messages",
                ordered_by="created_at",
                where=(),
                values={},
                request=request,
                make=_record,
            )

    @staticmethod
    async def _holds(connection: Connection, claim: ChannelClaim) -> bool:
        cursor = await connection.execute(_HELD, _claim_values(claim))
        return await cursor.fetchone() is not None


def _claim_values(claim: ChannelClaim) -> dict[str, Any]:
    return {"channel": claim.channel, "lease": as_uuid(claim.lease)}


def _message_values(message: PlannedMessage) -> Mapping[str, Any]:
    return clean_values(
        {
            "channel": message.channel,
            "thread_key": message.thread_key,
            "notice_ids": [as_uuid(notice.id) for notice in message.notices],
            "due_at": message.due_at,
        }
    )


def _notice(row: DictRow) -> Notice:
    created_at: datetime = row["created_at"]
    return Notice(
        id=str(row["id"]),
        kind=NoticeKind(row["kind"]),
        subject=row["subject"],
        thread_key=row["thread_key"],
        group_key=row["group_key"],
        created_at=created_at,
        repository=row["full_name"],
        severity=Severity(row["severity"]) if row["severity"] else None,
        facts=row["facts"],
        slack_channel=row["slack_channel"],
        notify_severity=row["notify_severity"],
        quiet_hours=row["quiet_hours"],
    )


def _record(row: DictRow) -> MessageRecord:
    return MessageRecord(
        id=str(row["id"]),
        channel=row["channel"],
        kind=NoticeKind(row["kind"]) if row["kind"] else None,
        repository=row["full_name"],
        notices=len(row["notice_ids"]),
        status=MessageStatus(row["status"]),
        attempts=row["attempts"],
        reason=row["reason"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )
