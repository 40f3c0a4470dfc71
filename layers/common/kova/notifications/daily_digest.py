"""A digest a day, of the repositories in which something changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from kova.notifications.ports import NoticeStore
from kova.notifications.quiet_hours import read_zone
from kova.shared.exceptions import InvalidInputError

_FORM: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?: ([A-Za-z][A-Za-z0-9_+/-]{0,50}))?")


@dataclass(frozen=True, kw_only=True)
class TimeOfDay:
    """A time of each day."""

    clock: time
    zone: ZoneInfo

    def day_begun(self, moment: datetime) -> str | None:
        """Return the day whose time has come; None before it."""
        local = moment.astimezone(self.zone)
        return local.date().isoformat() if local.time() >= self.clock else None


def parse_time_of_day(text: str) -> TimeOfDay:
    """Read a time; without a time zone it is in UTC.

    Raises:
        InvalidInputError: it is another form, or an unknown time zone.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError("A time of the day looks like 08:00 Europe/Berlin.", field="time")
    return TimeOfDay(clock=time(int(match[1]), int(match[2])), zone=read_zone(match[3], "time"))


class RecordDigest:
    """Records the day's digest when its time has come; a periodic task."""

    def __init__(self, *, store: NoticeStore, at: TimeOfDay, now: Callable[[], datetime]) -> None:
        self._store = store
        self._at = at
        self._now = now
        self._last_day = ""

    async def record(self) -> int:
        """Return how many repositories the digest of today is about; 0 where it is recorded."""
        day = self._at.day_begun(self._now())
        if day is None or day == self._last_day:
            return 0
        number = await self._store.record_digest(day)
        self._last_day = day
        return number
