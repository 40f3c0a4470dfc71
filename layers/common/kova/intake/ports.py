"""What intake needs from outside besides the queues of scans and commands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from kova.commands.chat import ChatJob
    from kova.intake.sent_delivery import SentDelivery
    from kova.intake.slack_request import ReasonQuestion


class ChatQueue(Protocol):
    """The command queue, for what people ask for in a chat."""

    def send_chat(self, job: ChatJob) -> None:
        """Queue a job durably.

        Raises:
            QueueUnavailableError: it is not queued.
        """


class ReasonDialog(Protocol):
    """Asks somebody why an error is ignored."""

    def open(self, question: ReasonQuestion) -> None:
        """Open the dialog, within the seconds that Slack leaves for it.

        Raises:
            UnavailableError: it could not be opened.
        """


class DeliveryLog(Protocol):
    """GitHub's record of what it sent.

    Errors are those of CodeSource.
    """

    async def sources(self) -> Sequence[str]:
        """Return the names of the webhooks that lead here: the App's, or those of repositories."""

    def pages(self, source: str) -> AsyncIterator[Sequence[SentDelivery]]:
        """Yield the attempts of a webhook, page after page, the newest first."""

    async def redeliver(self, source: str, delivery_id: int) -> None:
        """Ask GitHub to send a delivery again; it does so soon, and does not say how it ended."""


class HandledDeliveries(Protocol):
    """The deliveries whose work is done."""

    async def handled(self, guids: Sequence[str]) -> frozenset[str]:
        """Return those of the deliveries that are."""


@dataclass(frozen=True, kw_only=True)
class SweepClaim:
    """The right to sweep a webhook. `swept_to`: before it nothing is left to be looked at."""

    source: str
    lease: str
    swept_to: datetime | None


class SweepStore(Protocol):
    """How far each webhook was swept."""

    async def claim(self, source: str, lease: timedelta) -> SweepClaim | None:
        """Return the right to sweep, None while somebody else has it."""

    async def renew(self, claim: SweepClaim, lease: timedelta) -> bool:
        """Keep the right for longer; False where somebody else has it by now."""

    async def finish(self, claim: SweepClaim, swept_to: datetime) -> None:
        """Record how far was swept, and give the right back; nothing where it was lost."""
