"""A notice: something happened that people may want to be told of."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kova.shared.severity import Severity

TOLD_FROM: Final = Severity.HIGH
"""Errors below it are never told of one by one: the digest counts them."""
WARNING_PERCENT: Final = 80
"""How much of a budget is spent when people are told that it is near its end."""


class NoticeKind(enum.StrEnum):
    """What happened."""

    ERROR_OPENED = "error_opened"
    FIX_READY = "fix_ready"
    CHECKS_FAILED = "checks_failed"
    SCAN_FAILED = "scan_failed"
    BUDGET_LOW = "budget_low"
    DIGEST = "digest"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One thing to tell, as it was recorded together with what it is about.

    Attributes:
        subject: the id of the error, fix or scan; for a budget its scope.
        thread_key: messages with the same key are one thread.
        group_key: notices with the same key happened at once; many of them are one message.
        facts: what no other table holds, such as the level of a budget.
        slack_channel: the repository's own channel; None leaves it to the settings.
        notify_severity: the repository's own limit: `off`, `critical` or `high`.
        quiet_hours: the repository's own quiet hours.
    """

    id: str
    kind: NoticeKind
    subject: str
    thread_key: str
    group_key: str
    created_at: datetime
    repository: str | None = None
    severity: Severity | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    slack_channel: str | None = None
    notify_severity: str | None = None
    quiet_hours: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedMessage:
    """A message that is to be sent to a channel, not before `due_at`."""

    channel: str
    thread_key: str
    notices: tuple[Notice, ...]
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class ChannelClaim:
    """A channel that this worker alone sends to, until the lease ends. `lease` is its token."""

    channel: str
    lease: str


@dataclass(frozen=True, kw_only=True)
class DueMessage:
    """A message that a worker has begun to send.

    Attributes:
        attempt: counts the attempts from 1.
        begun_before: when an attempt began whose end nobody recorded: the message may be there.
        thread_reference: the channel's own id of the thread's first message; None begins one.
    """

    id: str
    channel: str
    thread_key: str
    notices: tuple[Notice, ...]
    attempt: int
    begun_before: datetime | None = None
    thread_reference: str | None = None


class MessageStatus(enum.StrEnum):
    """What became of a message; `dropped`: what it told was over before it was sent."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, kw_only=True)
class MessageRecord:
    """A message as people see it. `reason` says why it was not sent, or not yet."""

    id: str
    channel: str
    kind: NoticeKind | None
    repository: str | None
    notices: int
    status: MessageStatus
    attempts: int
    reason: str | None
    created_at: datetime
    ended_at: datetime | None
