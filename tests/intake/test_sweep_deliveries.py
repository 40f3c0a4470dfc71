"""The sweep over GitHub's list: what nobody took comes back, once, and within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.deliveries import MemoryDeliveryStore
from kova.adapters.memory.sweeps import MemorySweepStore
from kova.intake.ports import DeliveryLog
from kova.intake.sent_delivery import SentDelivery
from kova.intake.sweep_deliveries import SweepDeliveries, SweepLimits
from kova.shared.exceptions import GitHubRefusedError, GitHubUnavailableError, KovaError
from kova.shared.meter import SilentMeter
from tests.support.virtual_time import run_in_virtual_time

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
PAGE = 5


class ListedDeliveries(DeliveryLog):
    """GitHub's list over a simulated time; `endpoint` is what answers a redelivery."""

    def __init__(self) -> None:
        self.now = START
        self.attempts: list[SentDelivery] = []
        self.endpoint = 202
        self.failure: KovaError | None = None
        self.pages_read = 0

    def send(self, guid: str, status: int) -> None:
        attempt = SentDelivery(
            id=len(self.attempts), guid=guid, delivered_at=self.now, status_code=status
        )
        self.attempts.append(attempt)

    def statuses(self, guid: str) -> list[int]:
        return [attempt.status_code for attempt in self.attempts if attempt.guid == guid]

    async def sources(self) -> Sequence[str]:
        return ["app/hook"]

    async def pages(self, source: str) -> AsyncIterator[Sequence[SentDelivery]]:
        assert source == "app/hook"
        newest_first = self.attempts[::-1]
        for start in range(0, len(newest_first), PAGE):
            self.pages_read += 1
            yield newest_first[start : start + PAGE]

    async def redeliver(self, source: str, delivery_id: int) -> None:
        assert source == "app/hook"
        if self.failure is not None:
            raise self.failure
        self.send(self.attempts[delivery_id].guid, self.endpoint)


@pytest.fixture
def log() -> ListedDeliveries:
    return ListedDeliveries()


@pytest.fixture
def database(log: ListedDeliveries) -> MemoryDatabase:
    return MemoryDatabase(clock=Clock(read=lambda: log.now))


@pytest.fixture
def sweep(log: ListedDeliveries, database: MemoryDatabase) -> SweepDeliveries:
    return sweeper(log, database)


def sweeper(
    log: ListedDeliveries, database: MemoryDatabase, limits: SweepLimits | None = None
) -> SweepDeliveries:
    return SweepDeliveries(
        log=log,
        sweeps=MemorySweepStore(database),
        handled=MemoryDeliveryStore(database),
        meter=SilentMeter(),
        now=lambda: log.now,
        limits=limits,
    )


async def test_what_failed_is_asked_for_and_what_was_taken_is_not(
    log: ListedDeliveries, sweep: SweepDeliveries
) -> None:
    for number in range(12):
        log.send(f"guid {number}", 202 if number % 2 else 0)
    log.now += timedelta(minutes=5)
    swept = await sweep.sweep()
    assert (swept.seen, swept.asked, swept.given_up) == (12, 6, 0)
    assert all(202 in log.statuses(f"guid {number}") for number in range(12))
    log.now += timedelta(hours=1)
    assert (await sweep.sweep()).asked == 0
    assert len(log.attempts) == 18


async def test_an_endpoint_that_is_down_for_an_hour_gets_all_of_them_once_it_is_back(
    log: ListedDeliveries, sweep: SweepDeliveries
) -> None:
    log.endpoint = 0
    for minute in range(60):
        for number in range(4):
            log.send(f"guid {minute} {number}", 503)
        log.now += timedelta(minutes=1)
        if minute % 15 == 14:
            await sweep.sweep()
    log.endpoint = 202
    for _ in range(8):
        await sweep.sweep()
        log.now += timedelta(minutes=15)
    taken = [attempt.guid for attempt in log.attempts if attempt.accepted]
    assert sorted(taken) == sorted({attempt.guid for attempt in log.attempts})
    assert len(taken) == 240


async def test_work_that_is_done_is_never_asked_for(
    log: ListedDeliveries, database: MemoryDatabase, sweep: SweepDeliveries
) -> None:
    log.send("done", 0)  # The answer was lost, the job was not.
    await MemoryDeliveryStore(database).remember("done", "push", None)
    log.now += timedelta(minutes=5)
    assert (await sweep.sweep()).asked == 0


async def test_an_endpoint_that_stays_away_is_asked_seldom_and_given_up(
    log: ListedDeliveries, sweep: SweepDeliveries
) -> None:
    log.endpoint = 0
    log.send("lost", 0)
    given_up = 0
    for _ in range(4 * 24 * 3):
        log.now += timedelta(minutes=15)
        given_up += (await sweep.sweep()).given_up
    assert len(log.attempts) == 10
    assert given_up == 1


async def test_a_sweep_reads_no_further_than_the_last_one(
    log: ListedDeliveries, sweep: SweepDeliveries
) -> None:
    for number in range(100):
        log.send(f"guid {number}", 202)
        log.now += timedelta(minutes=1)
    await sweep.sweep()
    assert log.pages_read == 20
    log.send("new", 0)
    log.now += timedelta(minutes=5)
    assert (await sweep.sweep()).asked == 1
    assert log.pages_read == 21


async def test_what_is_older_than_github_keeps_is_left(
    log: ListedDeliveries, sweep: SweepDeliveries
) -> None:
    log.send("old", 0)
    log.now += timedelta(days=3, minutes=1)
    assert (await sweep.sweep()).asked == 0


async def test_one_sweep_asks_for_so_many_and_the_next_for_the_rest(
    log: ListedDeliveries, database: MemoryDatabase
) -> None:
    sweep = sweeper(log, database, SweepLimits(asked=7))
    for number in range(20):
        log.send(f"guid {number}", 0)
        log.now += timedelta(minutes=1)
    log.now += timedelta(minutes=1)
    assert [(await sweep.sweep()).asked for _ in range(4)] == [7, 7, 6, 0]


async def test_an_outage_loses_nothing_and_a_refusal_is_given_up(
    log: ListedDeliveries, sweep: SweepDeliveries
) -> None:
    log.send("first", 0)
    log.now += timedelta(minutes=5)
    log.failure = GitHubUnavailableError()
    with pytest.raises(GitHubUnavailableError):
        await sweep.sweep()
    log.failure = GitHubRefusedError("Too old.")
    # The lease of the sweep that broke off.
    assert (await sweep.sweep()).seen == 0
    log.now += timedelta(minutes=6)
    swept = await sweep.sweep()
    assert (swept.asked, swept.given_up) == (1, 1)
    log.failure = None
    assert (await sweep.sweep()).asked == 0


@pytest.mark.parametrize("refusal", ["unauthenticated", "forbidden"])
async def test_a_refusal_that_a_moment_mends_gives_nothing_up(
    log: ListedDeliveries, sweep: SweepDeliveries, refusal: str
) -> None:
    log.send("first", 0)
    log.now += timedelta(minutes=5)
    log.failure = GitHubRefusedError("Bad credentials", refusal=refusal)
    assert (await sweep.sweep()).given_up == 0
    log.now += timedelta(minutes=6)
    log.failure = None
    assert (await sweep.sweep()).asked == 1


async def test_reading_ends_with_its_time(log: ListedDeliveries, database: MemoryDatabase) -> None:
    for number in range(50):
        log.send(f"guid {number}", 0)
    log.now += timedelta(minutes=5)
    seconds = iter(range(100))
    sweep = SweepDeliveries(
        log=log,
        sweeps=MemorySweepStore(database),
        handled=MemoryDeliveryStore(database),
        meter=SilentMeter(),
        now=lambda: log.now,
        limits=replace(SweepLimits(), seconds=3),
        clock=lambda: float(next(seconds)),
    )
    assert (await sweep.sweep()).seen == 4 * PAGE


class HeldDeliveries(ListedDeliveries):
    """GitHub's list whose answer takes some minutes."""

    async def pages(self, source: str) -> AsyncIterator[Sequence[SentDelivery]]:
        await asyncio.sleep(200)
        async for page in super().pages(source):
            yield page


def test_a_sweep_keeps_its_webhook_while_it_lives_and_a_killed_one_for_half_a_minute() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        database = MemoryDatabase(clock=Clock(read=lambda: START + timedelta(seconds=loop.time())))
        store, log = MemorySweepStore(database), HeldDeliveries()
        log.send("first", 202)
        sweep = SweepDeliveries(
            log=log,
            sweeps=store,
            handled=MemoryDeliveryStore(database),
            meter=SilentMeter(),
            now=database.clock,
        )
        killed = asyncio.create_task(sweep.sweep())
        await asyncio.sleep(150)
        assert (await sweep.sweep()).seen == 0
        killed.cancel()
        await asyncio.sleep(20)
        assert (await sweep.sweep()).seen == 0
        await asyncio.sleep(15)
        assert (await sweep.sweep()).seen == 1

    run_in_virtual_time(work())
