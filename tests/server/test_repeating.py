"""What a worker does beside its queues goes on, whatever happens to it once."""

from __future__ import annotations

import asyncio
import time

import pytest

from kova.shared.periodic_tasks import PeriodicTasks
from kova_server.worker import repeating


async def test_a_fault_of_our_own_is_logged_and_the_tasks_run_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recovered = asyncio.Event()
    runs: list[str] = []

    async def send() -> int:
        runs.append("send")
        if len(runs) == 1:
            raise ZeroDivisionError
        recovered.set()
        return 0

    tasks = PeriodicTasks({"send": send}, clock=time.monotonic, interval=0)
    async with repeating(tasks, pause=0), asyncio.timeout(10):
        await recovered.wait()
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.exc_info is not None
