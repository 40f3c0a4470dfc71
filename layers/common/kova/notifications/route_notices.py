"""Decide to whom notices go: by repository, severity and channel, and when."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kova.notifications.notice import Notice, PlannedMessage
from kova.notifications.quiet_hours import parse_quiet_hours
from kova.shared.exceptions import InvalidInputError
from kova.shared.severity import Severity

GOOGLE_CHAT: Final = "google_chat"
SLACK_PREFIX: Final = "slack:"
OFF: Final = "off"
MOST_SINGLE: Final = 5
"""More notices of one kind that happen at once are one message."""
_LOG: Final = logging.getLogger("kova.notices")


@dataclass(frozen=True, kw_only=True)
class NoticeRules:
    """What holds for repositories that have no rules of their own; no channel: nobody is told.

    `severity` is `off`, `critical` or `high`; `quiet_hours` as quiet_hours.py reads them.
    """

    slack: bool = False
    slack_channel: str | None = None
    google_chat: bool = False
    severity: str = Severity.HIGH.value
    quiet_hours: str | None = None


class RouteNotices:
    """Plans the messages about notices."""

    def __init__(self, rules: NoticeRules, *, now: Callable[[], datetime]) -> None:
        self._rules = rules
        self._now = now

    def plan(self, notices: Sequence[Notice]) -> list[PlannedMessage]:
        """Return the messages to send, in the order of the notices."""
        groups: dict[tuple[str, ...], list[Notice]] = {}
        for notice in notices:
            if self._is_wanted(notice):
                for channel in self._channels(notice):
                    key = (channel, notice.group_key, notice.kind, notice.repository or "")
                    groups.setdefault(key, []).append(notice)
        planned: list[PlannedMessage] = []
        for (channel, *_), group in groups.items():
            planned += self._messages(channel, group)
        return planned

    def _is_wanted(self, notice: Notice) -> bool:
        limit = notice.notify_severity or self._rules.severity
        if limit == OFF:
            return False
        return notice.severity is None or notice.severity.at_least(Severity(limit))

    def _channels(self, notice: Notice) -> Iterator[str]:
        slack_channel = notice.slack_channel or self._rules.slack_channel
        if self._rules.slack and slack_channel:
            yield SLACK_PREFIX + slack_channel
        if self._rules.google_chat:
            yield GOOGLE_CHAT

    def _messages(self, channel: str, group: Sequence[Notice]) -> Iterable[PlannedMessage]:
        due_at = self._due_at(group[0])
        if len(group) > MOST_SINGLE:
            yield PlannedMessage(
                channel=channel,
                thread_key=group[0].group_key,
                notices=tuple(group),
                due_at=due_at,
            )
            return
        for notice in group:
            yield PlannedMessage(
                channel=channel, thread_key=notice.thread_key, notices=(notice,), due_at=due_at
            )

    def _due_at(self, notice: Notice) -> datetime:
        text, now = notice.quiet_hours or self._rules.quiet_hours, self._now()
        if not text or text == OFF:
            return now
        try:
            return parse_quiet_hours(text).end_after(now)
        except InvalidInputError as exc:
            # Stored by a process that knows other time zones. Late is worse than loud.
            _LOG.warning("quiet hours not understood", extra={"reason": exc.reason})
            return now
