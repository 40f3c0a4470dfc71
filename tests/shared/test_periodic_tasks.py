"""Workers ask often, and the tasks run at most once a minute."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pytest

from kova.shared.exceptions import DatabaseUnavailableError
from kova.shared.periodic_tasks import PeriodicTasks


@dataclass
class Rota:
    """Two tasks: `expire` changes rows, `forget` may fail."""

    now: float = 0.0
    changed: int = 0
    failure: Exception | None = None
    runs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tasks = PeriodicTasks(
            {"forget": self._forget, "expire": self._expire}, clock=lambda: self.now
        )

    async def _forget(self) -> int:
        self.runs.append("forget")
        if self.failure is not None:
            raise self.failure
        return 0

    async def _expire(self) -> int:
        self.runs.append("expire")
        return self.changed


@pytest.fixture
def rota() -> Rota:
    return Rota()


@pytest.mark.parametrize(("seconds", "runs"), [(0, 2), (59.9, 2), (60, 4), (3_600, 4)])
async def test_tasks_run_again_when_a_minute_has_passed(
    rota: Rota, seconds: float, runs: int
) -> None:
    await rota.tasks.run_due()
    rota.now += seconds
    await rota.tasks.run_due()
    assert len(rota.runs) == runs


async def test_an_outage_of_one_task_is_logged_and_keeps_no_other_from_its_turn(
    rota: Rota, caplog: pytest.LogCaptureFixture
) -> None:
    rota.failure = DatabaseUnavailableError()
    with caplog.at_level(logging.INFO, "kova.periodic_tasks"):
        await rota.tasks.run_due()
    assert rota.runs == ["forget", "expire"]
    (record,) = caplog.records
    assert record.getMessage() == "periodic task failed"
    assert (record.__dict__["task"], record.__dict__["reason"]) == (
        "forget",
        "database_unavailable",
    )


async def test_a_task_that_failed_is_tried_again_a_minute_later_and_not_before(
    rota: Rota,
) -> None:
    rota.failure = DatabaseUnavailableError()
    await rota.tasks.run_due()
    rota.failure = None
    rota.now = 30.0
    await rota.tasks.run_due()
    assert rota.runs == ["forget", "expire"]
    rota.now = 60.0
    await rota.tasks.run_due()
    assert rota.runs == ["forget", "expire"] * 2


async def test_only_a_task_that_changed_something_is_logged(
    rota: Rota, caplog: pytest.LogCaptureFixture
) -> None:
    rota.changed = 3
    with caplog.at_level(logging.INFO, "kova.periodic_tasks"):
        await rota.tasks.run_due()
    (record,) = caplog.records
    assert (record.__dict__["task"], record.__dict__["number"]) == ("expire", 3)


async def test_a_fault_of_our_own_is_not_swallowed(rota: Rota) -> None:
    rota.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await rota.tasks.run_due()


async def test_a_fault_of_our_own_keeps_no_other_task_from_its_turn(rota: Rota) -> None:
    rota.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await rota.tasks.run_due()
    assert rota.runs == ["forget", "expire"]
