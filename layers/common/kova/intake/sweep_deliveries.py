"""Ask GitHub again for the deliveries that nobody took: GitHub itself sends each one only once.

https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from kova.intake.ports import DeliveryLog, HandledDeliveries, SweepStore
from kova.intake.sent_delivery import Redelivery, SentDelivery, plan_redelivery
from kova.shared.exceptions import GitHubRefusedError, NotFoundError
from kova.shared.lease import renewing_lease
from kova.shared.meter import Meter

_LOG = logging.getLogger("kova.sweep")
# GitHub shows an attempt a little after its time.
_OVERLAP: Final = timedelta(minutes=2)
# What passes: a token or key that is being replaced, an App that is suspended for a while.
_PASSING: Final = frozenset({"unauthenticated", "forbidden"})


@dataclass(frozen=True, kw_only=True)
class SweepLimits:
    """Limits of one sweep.

    Attributes:
        age: how far back GitHub can be asked; github.com keeps deliveries for three days.
        asked: how many deliveries are asked for.
        seconds: how long GitHub's list is read.
        lease: how long nobody else sweeps after the last sign of life; it is renewed meanwhile.
    """

    age: timedelta = timedelta(days=3)
    asked: int = 500
    seconds: float = 60.0
    lease: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep did: how many deliveries it looked at, asked for, and gave up."""

    seen: int = 0
    asked: int = 0
    given_up: int = 0

    def __add__(self, other: Swept) -> Swept:
        return Swept(
            seen=self.seen + other.seen,
            asked=self.asked + other.asked,
            given_up=self.given_up + other.given_up,
        )


class SweepDeliveries:
    """Looks through GitHub's list from the newest delivery to where the last sweep ended."""

    def __init__(
        self,
        *,
        log: DeliveryLog,
        sweeps: SweepStore,
        handled: HandledDeliveries,
        meter: Meter,
        now: Callable[[], datetime],
        limits: SweepLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` returns seconds."""
        self._log = log
        self._sweeps = sweeps
        self._handled = handled
        self._meter = meter
        self._now = now
        self._limits = limits or SweepLimits()
        self._clock = clock

    async def sweep(self) -> Swept:
        """Ask again for what failed; a webhook that somebody else sweeps is left out.

        Raises:
            UnavailableError: GitHub or the database does not answer. What was not asked for is
                found again by the next sweep.
        """
        total = Swept()
        for source in await self._log.sources():
            claim = await self._sweeps.claim(source, self._limits.lease)
            if claim is not None:
                # Who dies here blocks the others for a moment; who loses it asks twice at worst.
                renew = partial(self._sweeps.renew, claim, self._limits.lease)
                async with renewing_lease(renew, self._limits.lease, on_loss=None):
                    swept, end = await self._sweep_source(source, claim.swept_to)
                await self._sweeps.finish(claim, end)
                total += swept
        return total

    async def _sweep_source(self, source: str, swept_to: datetime | None) -> tuple[Swept, datetime]:
        """Return what was done, and where the next sweep may end."""
        started = self._now()
        oldest = started - self._limits.age
        floor = max(oldest, swept_to - _OVERLAP) if swept_to else oldest
        attempts = await self._list_attempts(source, floor)
        failed = {
            guid: group
            for guid, group in attempts.items()
            if plan_redelivery(group, started) is not Redelivery.DONE
        }
        for guid in await self._handled.handled(list(failed)):
            del failed[guid]
        end, asked, given_up = started, 0, 0
        for group in sorted(failed.values(), key=_first_at):
            plan = plan_redelivery(group, started)
            if plan is Redelivery.ASK and asked < self._limits.asked:
                asked += 1
                if not await self._ask(source, group):
                    plan = Redelivery.GIVE_UP
            if plan is Redelivery.GIVE_UP:
                given_up += 1
                _LOG.error("delivery given up", extra={"delivery": group[0].guid})
            else:
                # It is looked at again, with all of its attempts.
                end = min(end, _first_at(group))
        self._meter.count("kova_redeliveries_total", asked, outcome="asked")
        self._meter.count("kova_redeliveries_total", given_up, outcome="given_up")
        return Swept(seen=len(attempts), asked=asked, given_up=given_up), end

    async def _list_attempts(self, source: str, floor: datetime) -> dict[str, list[SentDelivery]]:
        """Return the attempts since a moment by delivery, as far as the time reaches."""
        attempts: dict[str, list[SentDelivery]] = defaultdict(list)
        until = self._clock() + self._limits.seconds
        async for page in self._log.pages(source):
            for attempt in page:
                if attempt.delivered_at >= floor:
                    attempts[attempt.guid].append(attempt)
            if page and page[-1].delivered_at < floor:
                break
            if self._clock() > until:
                _LOG.error(
                    "sweep ended before the list did",
                    extra={"source": source, "floor": floor.isoformat()},
                )
                break
        return attempts

    async def _ask(self, source: str, group: list[SentDelivery]) -> bool:
        """Ask for the newest attempt of a delivery; False where GitHub will never send it."""
        newest = max(group, key=lambda attempt: (attempt.delivered_at, attempt.id))
        try:
            await self._log.redeliver(source, newest.id)
        except (GitHubRefusedError, NotFoundError) as exc:
            _LOG.warning(
                "redelivery refused", extra={"delivery": newest.guid, "reason": exc.reason}
            )
            return exc.data.get("refusal") in _PASSING
        return True


def _first_at(group: list[SentDelivery]) -> datetime:
    return min(attempt.delivered_at for attempt in group)
