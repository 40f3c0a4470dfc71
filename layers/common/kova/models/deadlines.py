"""The timeouts of a command. All of them follow from its deadline.

With the 20 seconds of the default, and two providers that could answer:

    0.0   the first provider is asked
    5.0   no part of an answer has arrived: the second provider is asked
    9.5   neither has answered: 503 with Retry-After
   20.0   the deadline for an answer that keeps arriving with no pause above 4.5
   40.0   a reservation whose process has died expires
   60.0   a queued command whose worker has died is taken over; its reservation has expired

Only the time of the providers counts: not the import of an SDK, not GitHub, not the database.
API Gateway gives up after 30 seconds. A provider without an alternative, because no other one is
configured or because the request names it, may be silent up to the deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

DEFAULT_SECONDS: Final = 20


@dataclass(frozen=True, kw_only=True)
class CommandTimeouts:
    """The timeouts of a command; all follow from `deadline`, in seconds."""

    deadline: float = DEFAULT_SECONDS

    @property
    def replaced_after(self) -> float:
        """Seconds of silence after which the next provider is asked."""
        return self.deadline / 4

    @property
    def given_up_after(self) -> float:
        """Seconds from the beginning after which a command without any answer is given up."""
        return self.deadline * 0.475

    @property
    def pause(self) -> float:
        """Seconds allowed between two events; the last provider has at least as many to begin."""
        return self.given_up_after - self.replaced_after

    @property
    def reservation(self) -> timedelta:
        """How long money stays reserved. A call ends by the deadline and is settled then."""
        return timedelta(seconds=2 * self.deadline)

    @property
    def lease(self) -> timedelta:
        """How long a worker owns a command. A dead worker's reservation expires before that."""
        return timedelta(seconds=3 * self.deadline)
