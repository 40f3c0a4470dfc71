"""What a killed worker leaves on the disk is removed by the next, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

WORK = """
import sys, tempfile
from kova.adapters.temporary_folder import claim_temporary_folder

claim_temporary_folder()
print(tempfile.mkdtemp(prefix="kova-"), flush=True)
sys.stdin.read()
"""
StartedProcess = tuple[subprocess.Popen[str], Path]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], StartedProcess]]:
    processes: list[subprocess.Popen[str]] = []

    def start_process() -> StartedProcess:
        process = subprocess.Popen(
            [sys.executable, "-c", WORK],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip()).parent

    yield start_process
    for process in processes:
        process.communicate()


def test_only_the_folders_of_the_dead_are_removed(
    start: Callable[[], StartedProcess], tmp_path: Path
) -> None:
    killed, survivor = start()
    _, alive = start()
    link = tmp_path / "kova-work-link"
    link.symlink_to(alive)
    killed.kill()
    killed.wait()
    assert survivor.is_dir()
    _, third = start()
    assert not survivor.exists()
    assert alive.is_dir()
    assert third.is_dir()
    assert link.is_symlink()


def test_one_that_ends_by_itself_leaves_nothing(
    start: Callable[[], StartedProcess], tmp_path: Path
) -> None:
    process, folder = start()
    assert folder.parent == tmp_path
    process.communicate()
    assert list(tmp_path.iterdir()) == []
