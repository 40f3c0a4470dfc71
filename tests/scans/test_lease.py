"""The lease of a scan is renewed while its worker works; whoever lost it stops."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.database import MemoryDatabase
from kova.scans.claim_scan import LEASE, renewing_claim
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import BusyError, ConflictError
from tests.support.stores import (
    AllStores,
    memory_stores,
    new_repository,
    release,
    scan_target,
)
from tests.support.virtual_time import run_in_virtual_time

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LONG = LEASE.total_seconds() * 20


class LeasedWorker:
    """A worker with a claim, on a loop whose time is the database's."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.database = MemoryDatabase(
            clock=Clock(read=lambda: BEGIN + timedelta(seconds=loop.time()))
        )
        self.stores: AllStores = memory_stores(self.database)

    async def claim(self) -> ClaimedScan:
        repository = await new_repository(self.stores)
        scan = await self.stores.scans.create(scan_target(), repository.id)
        return await self.claim_again(scan.id)

    async def claim_again(self, scan_id: str) -> ClaimedScan:
        claim = await self.stores.scans.claim(scan_id, LEASE)
        assert claim is not None
        return claim


def test_the_lease_is_renewed_for_as_long_as_the_work_lasts() -> None:
    async def main() -> None:
        worker = LeasedWorker()
        claim = await worker.claim()
        async with renewing_claim(worker.stores.scans, claim):
            await asyncio.sleep(LONG)
            with pytest.raises(BusyError):
                await worker.claim_again(claim.id)
        await asyncio.sleep(LONG)
        assert await worker.claim_again(claim.id)

    run_in_virtual_time(main())


def test_whoever_lost_the_lease_is_stopped() -> None:
    async def main() -> float:
        worker = LeasedWorker()
        claim = await worker.claim()
        await release(worker.stores, claim)
        await worker.claim_again(claim.id)
        with pytest.raises(ConflictError, match="took the scan over"):
            async with renewing_claim(worker.stores.scans, claim):
                await asyncio.sleep(LONG)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(main()) <= LEASE.total_seconds()


def test_a_short_outage_of_the_database_stops_nobody() -> None:
    async def main() -> None:
        worker = LeasedWorker()
        claim = await worker.claim()
        async with renewing_claim(worker.stores.scans, claim):
            worker.database.available = False
            await asyncio.sleep(LEASE.total_seconds() / 2)
            worker.database.available = True
            await asyncio.sleep(LONG)
            with pytest.raises(BusyError):
                await worker.claim_again(claim.id)

    run_in_virtual_time(main())


def test_a_worker_that_is_stopped_by_somebody_else_is_not_told_of_a_lost_lease() -> None:
    async def main() -> None:
        worker = LeasedWorker()
        claim = await worker.claim()

        async def work() -> None:
            async with renewing_claim(worker.stores.scans, claim):
                await asyncio.sleep(LONG)

        task = asyncio.create_task(work())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_in_virtual_time(main())


def test_an_error_of_the_work_is_raised_as_it_is_and_ends_the_renewing() -> None:
    async def main() -> None:
        worker = LeasedWorker()
        claim = await worker.claim()
        with pytest.raises(ValueError, match="broken"):
            async with renewing_claim(worker.stores.scans, claim):
                raise ValueError("broken")
        await asyncio.sleep(LONG)
        assert await worker.claim_again(claim.id)

    run_in_virtual_time(main())
