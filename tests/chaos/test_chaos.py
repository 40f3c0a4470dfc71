"""A short run of chaos ends as the oracle says; `make chaos` has the long ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.run import RunOptions, open_run
from tests.support.eventually import eventually


def options(folder: Path, deliveries: int, kills: int) -> RunOptions:
    return RunOptions(
        seed=7,
        deliveries=deliveries,
        kills=kills,
        folder=str(folder),
        repositories=4,
    )


@pytest.mark.stress
def test_a_run_with_faults_and_kills_ends_as_the_oracle_says(tmp_path: Path) -> None:
    """`make stress` has 400 deliveries and 20 kills."""
    deliveries, kills = (400, 20) if os.environ.get("STRESS") else (30, 3)
    with open_run(options(tmp_path, deliveries, kills)) as (run, stack):
        result = run.run(stack)
    assert result.differences == []
    assert int(result.table["deliveries"]) >= deliveries
    assert result.table["kills"].split(", ")[0] == str(kills)


@pytest.mark.skipif("STRESS" not in os.environ, reason="`make stress` runs it")
def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "tests.chaos", "--seed", "7", "--deliveries", "120"]
    command += ["--kills", "4", "--repositories", "4", "--folder", str(tmp_path / "run")]
    process = subprocess.Popen([*command, "--log", str(log)], stderr=subprocess.DEVNULL)
    eventually(lambda: log.exists() and log.read_text().count('"line": "step"') > 40, 120)
    process.kill()
    process.wait()
    steps = [line for line in map(json.loads, log.read_text().splitlines()) if "step" in line]
    resumed = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--resume", str(log)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr[-3_000:]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if "step" in line][: len(steps)] == steps
    assert sum(line["line"] == "session" for line in lines) == 2
