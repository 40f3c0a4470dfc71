"""A cold start loads what its answer needs: counted in modules, which no busy machine changes."""

from __future__ import annotations

from bench.cold_start.__main__ import TARGETS, compare_all
from tests.support.queues import make_queue
from tests.support.services import services_in_force


def test_no_function_loads_more_than_its_answer_needs(database_url: str) -> None:
    own = {"KOVA_DATABASE_URL": database_url, "KOVA_SCAN_QUEUE_URL": make_queue()}
    rows = compare_all(services_in_force() | own, pairs=1)
    loaded = {row.target.name: row.more_modules for row in rows}
    assert loaded.keys() == {target.name for target in TARGETS}
    assert {
        target.name: loaded[target.name]
        for target in TARGETS
        if loaded[target.name] > target.max_modules
    } == {}
