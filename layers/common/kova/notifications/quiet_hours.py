"""Hours in which nobody is told anything; what happens meanwhile is told at their end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kova.shared.exceptions import InvalidInputError

QUIET_HOURS_FORM: Final = "22:00-07:00, with a time zone behind it: 22:00-07:00 Europe/Berlin"
QUIET_HOURS_PATTERN: Final = (
    r"^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])"
    r"( [A-Za-z][A-Za-z0-9_+/-]{0,50})?$"
)
_FORM: Final = re.compile(QUIET_HOURS_PATTERN)


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """From one time of the day to another one, which may be on the next day."""

    start: time
    end: time
    zone: ZoneInfo

    def end_after(self, moment: datetime) -> datetime:
        """Return when a message of this moment may be sent: the moment itself, or the end."""
        local = moment.astimezone(self.zone)
        clock = local.time()
        if self.start <= self.end:
            is_quiet, ends_today = self.start <= clock < self.end, True
        else:
            is_quiet, ends_today = clock >= self.start or clock < self.end, clock < self.end
        if not is_quiet:
            return moment
        day = local.date() if ends_today else local.date() + timedelta(days=1)
        # In the hour that clocks go through twice, the end is that of the time it is now.
        end = self.end.replace(fold=local.fold) if ends_today else self.end
        return datetime.combine(day, end, self.zone).astimezone(moment.tzinfo)


def parse_quiet_hours(text: str) -> QuietHours:
    """Read quiet hours; without a time zone they are in UTC.

    Raises:
        InvalidInputError: it is another form, an unknown time zone, or no time at all.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(f"Quiet hours look like {QUIET_HOURS_FORM}.", field="quiet_hours")
    start, end = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    if start == end:
        raise InvalidInputError("Quiet hours end when they begin.", field="quiet_hours")
    return QuietHours(start=start, end=end, zone=read_zone((match[5] or "").strip(), "quiet_hours"))


def read_zone(name: str | None, field: str) -> ZoneInfo:
    """Return a time zone by name; UTC without one.

    Raises:
        InvalidInputError: there is none with this name; `field` says what names it.
    """
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError) as exc:
        raise InvalidInputError(f"There is no time zone {name}.", field=field) from exc
