"""A digest is recorded once a day, when its time has come in its zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.database import MemoryDatabase
from kova.notifications.daily_digest import RecordDigest, parse_time_of_day
from kova.shared.exceptions import InvalidInputError
from tests.support.stores import apply_files, memory_stores, new_repository

# 06:30 in Berlin, in winter.
BEGIN = datetime(2026, 11, 30, 5, 30, tzinfo=UTC)


async def test_a_digest_of_what_changed_is_recorded_once_a_day() -> None:
    clock = Clock(BEGIN)
    stores = memory_stores(MemoryDatabase(clock=clock))
    digest = RecordDigest(
        store=stores.notices, at=parse_time_of_day("08:00 Europe/Berlin"), now=clock
    )
    repository = await new_repository(stores)
    await new_repository(stores, "octo/quiet")
    await apply_files(stores, repository, "1" * 40, {"a.py": "BAD(x)"})
    assert await digest.record() == 0  # Its time has not come.
    clock.advance(timedelta(hours=2))
    assert await digest.record() == 1
    assert await digest.record() == 0
    clock.advance(timedelta(days=1))
    assert await digest.record() == 0  # Nothing changed in a day.
    await apply_files(stores, repository, "2" * 40, {"a.py": ""})
    clock.advance(timedelta(days=1) - timedelta(minutes=20))
    assert await digest.record() == 1


async def test_another_worker_records_it_no_second_time() -> None:
    clock = Clock(BEGIN + timedelta(hours=2))
    stores = memory_stores(MemoryDatabase(clock=clock))
    await apply_files(stores, await new_repository(stores), "1" * 40, {"a.py": "BAD(x)"})
    at = parse_time_of_day("05:00")
    workers = [RecordDigest(store=stores.notices, at=at, now=clock) for _ in range(2)]
    assert [await worker.record() for worker in workers] == [1, 0]


@pytest.mark.parametrize("text", ["", "8:00", "24:00", "08:60", "08:00 Nowhere/None", "08:00 x y"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_time_of_day(text)
