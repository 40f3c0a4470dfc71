"""One suite for the leases on pull requests in Postgres and their twin in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from kova.fixes.hold_pulls import HoldPulls
from kova.shared.exceptions import BusyError
from tests.support.stores import AllStores, new_repository

LEASE = timedelta(minutes=1)
ENDED = timedelta(seconds=-1)


async def test_one_worker_at_a_time_has_the_lease_of_a_repository(stores: AllStores) -> None:
    leases = stores.pull_leases
    first, second = await new_repository(stores), await new_repository(stores, "octo/second")
    token = await leases.take(first.id, LEASE)
    assert token is not None
    assert await leases.take(first.id, LEASE) is None
    assert await leases.take(second.id, LEASE) is not None
    await leases.release(first.id, token)
    assert await leases.take(first.id, LEASE) not in {None, token}


async def test_a_lease_that_ended_is_renewed_until_somebody_takes_it(stores: AllStores) -> None:
    leases, repository = stores.pull_leases, await new_repository(stores)
    former = await leases.take(repository.id, ENDED)
    assert former is not None
    assert await leases.renew(repository.id, former, ENDED)
    token = await leases.take(repository.id, LEASE)
    assert token is not None
    assert not await leases.renew(repository.id, former, LEASE)
    await leases.release(repository.id, former)
    assert await leases.take(repository.id, LEASE) is None
    assert await leases.renew(repository.id, token, LEASE)


async def test_a_lease_that_was_given_up_is_not_renewed(stores: AllStores) -> None:
    leases, repository = stores.pull_leases, await new_repository(stores)
    token = await leases.take(repository.id, LEASE)
    assert token is not None
    await leases.release(repository.id, token)
    assert not await leases.renew(repository.id, token, LEASE)


async def test_blocks_of_two_workers_run_one_after_the_other(stores: AllStores) -> None:
    repository, steps = await new_repository(stores), []

    async def work(name: str) -> None:
        async with HoldPulls(stores.pull_leases).hold(repository.id):
            steps.append(name)
            await asyncio.sleep(0)
            steps.append(name)

    await asyncio.gather(*(work(name) for name in "abc"))
    assert steps[::2] == steps[1::2]
    assert sorted(steps[::2]) == ["a", "b", "c"]


async def test_a_worker_that_waits_too_long_comes_back_later(stores: AllStores) -> None:
    repository, pulls = await new_repository(stores), HoldPulls(stores.pull_leases, patience=0)
    async with pulls.hold(repository.id):
        with pytest.raises(BusyError):
            await pulls.hold(repository.id).__aenter__()
    async with pulls.hold(repository.id):
        pass
