"""Every dependency is asked at once, and none that hangs holds the answer up."""

from __future__ import annotations

import asyncio

import pytest

from kova.shared.check_health import Check, CheckHealth
from kova.shared.exceptions import DatabaseUnavailableError, SchemaOutdatedError
from tests.support.virtual_time import run_in_virtual_time


class Dependency:
    """Answers at once, fails, or hangs until it is freed."""

    def __init__(self, failure: Exception | None = None, *, hangs: bool = False) -> None:
        self.failure = failure
        self.calls = 0
        self.called = asyncio.Event()
        self.freed = asyncio.Event()
        if not hangs:
            self.freed.set()

    async def ping(self) -> None:
        self.calls += 1
        self.called.set()
        await self.freed.wait()
        if self.failure is not None:
            raise self.failure


def details(checks: dict[str, Check]) -> dict[str, str | None]:
    return {name: check.detail for name, check in checks.items()}


async def test_those_that_answer_are_ok_and_those_that_fail_say_why() -> None:
    health = CheckHealth(
        {
            "redis": Dependency().ping,
            "database": Dependency(SchemaOutdatedError()).ping,
        }
    )
    checks = await health.check()
    assert details(checks) == {"redis": None, "database": "schema_outdated"}
    assert [checks["redis"].ok, checks["database"].ok] == [True, False]
    assert all(check.latency_ms >= 0 for check in checks.values())


async def test_a_failure_is_asked_again_by_the_next_caller() -> None:
    database = Dependency(DatabaseUnavailableError())
    health = CheckHealth({"database": database.ping})
    assert details(await health.check()) == {"database": "database_unavailable"}
    database.failure = None
    assert details(await health.check()) == {"database": None}
    assert database.calls == 2


def test_one_that_hangs_has_timed_out_and_the_others_are_reported() -> None:
    async def check() -> None:
        queue = Dependency(hangs=True)
        health = CheckHealth({"queue": queue.ping, "redis": Dependency().ping})
        started = asyncio.get_running_loop().time()
        assert details(await health.check()) == {"queue": "timed_out", "redis": None}
        assert asyncio.get_running_loop().time() - started == pytest.approx(1.5)
        queue.freed.set()

    run_in_virtual_time(check())


def test_one_that_hangs_is_asked_once_however_many_callers_wait() -> None:
    async def check() -> None:
        queue = Dependency(hangs=True)
        health = CheckHealth({"queue": queue.ping})
        answers = await asyncio.gather(*(health.check() for _ in range(50)))
        answers.append(await health.check())
        assert {check["queue"].detail for check in answers} == {"timed_out"}
        assert queue.calls == 1
        queue.freed.set()
        assert details(await health.check()) == {"queue": None}
        assert details(await health.check()) == {"queue": None}
        assert queue.calls == 2

    run_in_virtual_time(check())


async def test_a_caller_that_leaves_does_not_end_the_ping_of_the_others() -> None:
    queue = Dependency(hangs=True)
    health = CheckHealth({"queue": queue.ping}, timeout=60)
    leaving = asyncio.ensure_future(health.check())
    staying = asyncio.ensure_future(health.check())
    await queue.called.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    queue.freed.set()
    assert details(await staying) == {"queue": None}


async def test_a_fault_of_our_own_is_not_taken_for_an_outage() -> None:
    with pytest.raises(ZeroDivisionError):
        await CheckHealth({"x": Dependency(ZeroDivisionError()).ping}).check()


async def test_without_dependencies_there_is_nothing_to_report() -> None:
    assert await CheckHealth({}).check() == {}
