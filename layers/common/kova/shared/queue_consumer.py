"""The worker's side of a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Received:
    """One message in hand.

    Attributes:
        attempt: counts its receipts from 1.
        waited: seconds since it was sent; None where the queue does not say it.
        group: of a fair queue, whose messages share the workers with other groups.
    """

    body: str
    receipt: str
    attempt: int
    waited: float | None = None
    group: str | None = None


class QueueConsumer(Protocol):
    """Receives messages and says what becomes of each.

    Every method raises QueueUnavailableError when the queue does not answer.
    """

    def receive(self, *, limit: int, visibility: int) -> Sequence[Received]:
        """Return messages, hidden from others for so many seconds; wait for some."""

    def delete(self, message: Received) -> None:
        """Say that it is done."""

    def hide(self, message: Received, seconds: int) -> None:
        """Keep it from others, or give it back, for so many seconds from now."""

    def postpone(self, message: Received, body: str, delay: int) -> None:
        """Send another message in its place, to be received after so many seconds.

        The other one is sent first: a worker that dies between the two leaves two messages and not
        none. Delays have a limit; the body says what is left of a longer wait.
        """

    def bury(self, message: Received, reason: str) -> None:
        """Move it to the dead letters with its reason, instead of trying in vain."""
