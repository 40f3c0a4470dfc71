"""What GitHub says of the deliveries that it sent, and when one is asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final

MOST_ATTEMPTS: Final = 10
"""So often GitHub is asked to send one delivery, its own attempt counted."""
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class SentDelivery:
    """One attempt at a delivery. `status_code` is 0 where nobody answered."""

    id: int
    guid: str
    delivered_at: datetime
    status_code: int

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it: its job is in the queue then."""
        return HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES


class Redelivery(StrEnum):
    """What is done about a delivery."""

    DONE = "done"
    ASK = "ask"
    WAIT = "wait"
    GIVE_UP = "give_up"


def plan_redelivery(attempts: Sequence[SentDelivery], now: datetime) -> Redelivery:
    """Return what is done about a delivery of which these are all attempts, in any order.

    The pauses double from a minute to six hours, so that an endpoint that stays away is asked
    seldom; ten attempts reach over a day.
    """
    if any(attempt.accepted for attempt in attempts):
        return Redelivery.DONE
    if len(attempts) >= MOST_ATTEMPTS:
        return Redelivery.GIVE_UP
    last = max(attempt.delivered_at for attempt in attempts)
    pause = min(_FIRST_PAUSE * 2 ** (len(attempts) - 1), _LONGEST_PAUSE)
    return Redelivery.ASK if now - last >= pause else Redelivery.WAIT
