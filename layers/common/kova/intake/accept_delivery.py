"""Accept a webhook delivery: verify, read, queue. Nothing else is needed than the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kova.commands.ports import CommandQueue
from kova.intake.delivery import KNOWN_EVENTS, parse_delivery, verify_signature
from kova.scans.ports import ScanQueue


@dataclass(frozen=True, kw_only=True)
class IncomingDelivery:
    """A delivery as it arrived; headers are None where they are missing."""

    delivery_id: str | None
    event: str | None
    signature: str | None
    content_type: str | None
    body: bytes


@dataclass(frozen=True, kw_only=True)
class AcceptedDelivery:
    """What became of it. `status` is queued or ignored."""

    delivery: str
    event: str
    status: str

    @property
    def known_event(self) -> str:
        """The event's name if Kova knows it, else `other`: bounded, for metrics."""
        return self.event if self.event in KNOWN_EVENTS else "other"


class AcceptDelivery:
    """The intake of GitHub's webhooks."""

    def __init__(
        self, *, secrets: Sequence[str], queue: ScanQueue, commands: CommandQueue | None = None
    ) -> None:
        """Take every secret that is valid now, the scan queue, and that of commands if any."""
        self._secrets = secrets
        self._queue = queue
        self._commands = commands

    def run(self, incoming: IncomingDelivery) -> AcceptedDelivery:
        """Verify before anything is parsed; answer after the job is durably queued.

        Raises:
            NotConfiguredError: no secret is configured.
            SignatureError: the signature does not match.
            InvalidInputError: GitHub could not have sent this.
            QueueUnavailableError: the queue refused; GitHub will show the delivery as failed.
        """
        verify_signature(incoming.body, incoming.signature, self._secrets)
        delivery = parse_delivery(
            delivery_id=incoming.delivery_id,
            event=incoming.event,
            content_type=incoming.content_type,
            body=incoming.body,
        )
        if delivery.target is not None:
            self._queue.send(delivery.target)
        if delivery.comment is not None and self._commands is not None:
            self._commands.send_comment(delivery.comment)
        commanded = delivery.comment is not None and self._commands is not None
        status = "queued" if delivery.target is not None or commanded else "ignored"
        return AcceptedDelivery(delivery=delivery.id, event=delivery.event, status=status)
