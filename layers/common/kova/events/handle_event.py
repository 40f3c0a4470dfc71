"""Handle an event: once is enough, twice does no harm, and a late one finds what is true now."""

from __future__ import annotations

import logging

from kova.events.event import EventJob, EventKind
from kova.events.follow_event import FollowEvent
from kova.events.message import event_message
from kova.events.ports import RightsChange
from kova.events.press_check_button import PressCheckButton
from kova.events.refresh_installation import RefreshInstallation
from kova.events.refresh_repository import RefreshRepository
from kova.scans.message import ScanJob
from kova.scans.ports import DeliveryStore
from kova.scans.settle_scan import SettleScan
from kova.shared.exceptions import OwnerNotAllowedError, RedisUnavailableError
from kova.shared.run_job import SettledError

_LOG = logging.getLogger("kova.events")


class HandleEvent:
    """Hands an event to what it is about, and remembers its delivery."""

    def __init__(
        self,
        *,
        repository: RefreshRepository,
        installation: RefreshInstallation,
        follow: FollowEvent,
        press: PressCheckButton,
        deliveries: DeliveryStore,
        rights: RightsChange | None,
        settle: SettleScan,
    ) -> None:
        self._repository = repository
        self._installation = installation
        self._follow = follow
        self._press = press
        self._deliveries = deliveries
        self._rights = rights
        self._settle = settle

    async def handle(self, event: EventJob, job: ScanJob) -> None:
        """Do what an event asks for; `job` is the message that it came by.

        Raises:
            SettledError: it is not done; the plan says what becomes of the message.
        """
        attempt = job.retry.attempt if job.retry else 0
        try:
            await self._dispatch(event, attempt)
            # The sweep asks GitHub for no delivery whose work is done.
            await self._deliveries.remember(event.delivery, event.kind, None)
        except OwnerNotAllowedError as exc:
            context = {"repository": event.repository, "reason": exc.reason}
            _LOG.info("event ignored", extra=context)
        except Exception as exc:
            retry = job.retry or event_message(event).retry
            job = ScanJob(target=job.target, retry=retry)
            raise SettledError(self._settle.settle_unclaimed(job, exc)) from exc

    async def _dispatch(self, event: EventJob, attempt: int) -> None:
        if event.kind is EventKind.REPOSITORY:
            await self._repository.refresh(event, attempt)
            await self._note_change()
        elif event.kind is EventKind.INSTALLATION:
            await self._installation.refresh(event)
            await self._note_change()
        elif event.kind is EventKind.PULL_REQUEST:
            await self._follow.follow(event)
        else:
            await self._press.press(event)

    async def _note_change(self) -> None:
        """Let GitHub be asked again what people may see; without Redis that is so after minutes."""
        if self._rights is None:
            return
        try:
            await self._rights.note_change()
        except RedisUnavailableError as exc:
            _LOG.warning("rights are asked for later", extra={"reason": exc.reason})
