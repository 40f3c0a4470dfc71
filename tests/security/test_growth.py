"""Twice the input is at most twice the work, for every path over foreign text, up to its limits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.security.growth_in_answers import ANSWER_PATHS
from tests.security.growth_in_files import FILE_PATHS
from tests.security.growth_in_tools import TOOL_PATHS
from tests.security.growth_paths import GrowthPath
from tests.support.steps import count_steps

PATHS = (*FILE_PATHS, *TOOL_PATHS, *ANSWER_PATHS)
STEPS = [pytest.param(path, id=path.name) for path in PATHS if path.steps]
TIMED = [pytest.param(path, id=path.name) for path in PATHS if path.timed]


@pytest.mark.parametrize("path", STEPS)
def test_twice_the_input_is_at_most_twice_the_steps(path: GrowthPath, tmp_path: Path) -> None:
    def steps(size: int) -> int:
        content = path.make(size, tmp_path)
        return count_steps(lambda: path.call(content))

    steps(1)  # What is made once, such as a compiled expression, counts for neither.
    assert steps(2 * path.steps) <= 2.1 * steps(path.steps) + 200


@pytest.mark.parametrize("path", TIMED)
def test_what_runs_inside_of_c_takes_linear_time(path: GrowthPath, tmp_path: Path) -> None:
    """16 times the input in 64 times the time at most: 256 times would be quadratic."""

    def seconds(size: int) -> float:
        tries = []
        for _ in range(3):
            content = path.make(size, tmp_path)
            started = time.process_time()
            path.call(content)
            tries.append(time.process_time() - started)
        return min(tries)

    seconds(1)
    small = max(seconds(path.timed), 0.000_1)
    assert seconds(16 * path.timed) <= 64 * small


def test_each_path_has_a_name_of_its_own() -> None:
    assert len({path.name for path in PATHS}) == len(PATHS)
    assert all(path.steps or path.timed for path in PATHS)
