"""Accept a webhook delivery: verify, read, queue. It needs nothing but the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kova.commands.ports import CommandQueue
from kova.events.message import event_message
from kova.intake.delivery import KNOWN_EVENTS, Delivery, parse_delivery, verify_signature
from kova.scans.ports import ScanQueue
from kova.shared.exceptions import OwnerNotAllowedError
from kova.shared.owners import EVERY_OWNER, Owners


@dataclass(frozen=True, kw_only=True)
class IncomingDelivery:
    """A delivery as it arrived; missing headers are None."""

    delivery_id: str | None
    event: str | None
    signature: str | None
    content_type: str | None
    body: bytes | bytearray


@dataclass(frozen=True, kw_only=True)
class AcceptedDelivery:
    """A delivery that was accepted. `status` is queued or ignored; `reason` says why, if known."""

    delivery: str
    event: str
    status: str
    reason: str | None = None

    @property
    def known_event(self) -> str:
        """The event's name if Kova knows it, otherwise `other`: metric labels are bounded."""
        return self.event if self.event in KNOWN_EVENTS else "other"


class AcceptDelivery:
    """Accepts GitHub's webhooks."""

    def __init__(
        self,
        *,
        secrets: Sequence[str],
        queue: ScanQueue,
        commands: CommandQueue | None = None,
        owners: Owners = EVERY_OWNER,
    ) -> None:
        """Assemble the use case; without `commands` comments are ignored.

        Deliveries about repositories of other owners are ignored: a public App may be installed
        by strangers.
        """
        self._secrets = secrets
        self._queue = queue
        self._commands = commands
        self._owners = owners

    @property
    def is_configured(self) -> bool:
        """False where no secret is configured: then every delivery is refused."""
        return any(self._secrets)

    def accept(self, incoming: IncomingDelivery) -> AcceptedDelivery:
        """Verify a delivery before parsing it, and queue its job durably before returning.

        Raises:
            NotConfiguredError: no secret is configured.
            SignatureError: the signature does not match.
            InvalidInputError: a header or the body is not one that GitHub sends.
            QueueUnavailableError: the job is not queued; GitHub shows the delivery as failed.
        """
        verify_signature(incoming.body, incoming.signature, self._secrets)
        delivery = parse_delivery(
            delivery_id=incoming.delivery_id,
            event=incoming.event,
            content_type=incoming.content_type,
            body=incoming.body,
        )
        if not self._is_allowed(delivery):
            return AcceptedDelivery(
                delivery=delivery.id,
                event=delivery.event,
                status="ignored",
                reason=OwnerNotAllowedError.reason,
            )
        if delivery.target is not None:
            self._queue.send(delivery.target)
        if delivery.change is not None:
            message = event_message(delivery.change)
            self._queue.send(message.target, message.retry)
        if delivery.comment is not None and self._commands is not None:
            self._commands.send_comment(delivery.comment)
        commanded = delivery.comment is not None and self._commands is not None
        job = delivery.target or delivery.change
        status = "queued" if job is not None or commanded else "ignored"
        return AcceptedDelivery(delivery=delivery.id, event=delivery.event, status=status)

    def _is_allowed(self, delivery: Delivery) -> bool:
        """Whether Kova works for the owner, or did before the repository was transferred."""
        job = delivery.target or delivery.comment or delivery.change
        if job is None or self._owners.allow(job.repository):
            return True
        return delivery.former_owner is not None and self._owners.allow(
            f"{delivery.former_owner}/-"
        )
