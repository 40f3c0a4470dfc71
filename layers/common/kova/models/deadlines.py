"""How long anything about a command may take: all of it follows from the deadline.

With the 20 seconds of the default, and two providers that could answer:

    0.0   the first is asked
    5.0   it has said nothing that belongs to an answer: the other is asked
    9.5   neither has: 503 with Retry-After
   20.0   a provider that goes on saying something, with no pause above 4.5, has until here
   40.0   a reservation whose process has died counts no longer
   60.0   a command for later whose worker has died is taken over, after its money has come back

What is not a provider's own time is not in it: to import an SDK, to read GitHub and the database.
API Gateway gives up after 30 seconds. A provider that is alone, because it is the only one that is
configured or the one that was named, may be silent up to the deadline: nobody else would answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

DEFAULT_SECONDS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds for a command to be answered in, and what follows from them."""

    deadline: float = DEFAULT_SECONDS

    @property
    def replaced_after(self) -> float:
        """Seconds of silence after which another provider is asked."""
        return self.deadline / 4

    @property
    def given_up_after(self) -> float:
        """Seconds of everybody's silence, from the beginning, after which nobody is asked."""
        return self.deadline * 0.475

    @property
    def pause(self) -> float:
        """Seconds between two signs of work, and what the last provider has at least."""
        return self.given_up_after - self.replaced_after

    @property
    def reservation(self) -> timedelta:
        """For how long money is set aside: a call ends by the deadline, then it is settled."""
        return timedelta(seconds=2 * self.deadline)

    @property
    def lease(self) -> timedelta:
        """For how long a command is one worker's; a dead one's money has come back before."""
        return timedelta(seconds=3 * self.deadline)
