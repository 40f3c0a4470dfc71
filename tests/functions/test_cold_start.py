"""A cold start loads what its answer needs: counted in modules, which no busy machine changes."""

from __future__ import annotations

from bench.cold_start.__main__ import TARGETS, measure


def test_no_function_loads_more_than_its_answer_needs() -> None:
    loaded = {row.target.name: row.more_modules for row in measure(1, frozenset())}
    assert loaded.keys() == {target.name for target in TARGETS}
    assert {
        target.name: loaded[target.name]
        for target in TARGETS
        if loaded[target.name] > target.max_modules
    } == {}
