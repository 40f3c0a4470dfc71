"""Periodic tasks run at most once a minute, and one that fails keeps no other from its turn."""

from kova.shared.exceptions import DatabaseUnavailableError
from kova.shared.periodic_tasks import PeriodicTasks


async def test_tasks_run_once_a_minute_and_a_failed_one_again_then() -> None:
    now, runs = 0.0, list[str]()

    async def first() -> int:
        runs.append("first")
        raise DatabaseUnavailableError

    async def second() -> int:
        runs.append("second")
        return 1

    tasks = PeriodicTasks({"first": first, "second": second}, clock=lambda: now)
    await tasks.run_due()
    await tasks.run_due()
    assert runs == ["first", "second"]
    now = 61.0
    await tasks.run_due()
    assert runs == ["first", "second"] * 2
