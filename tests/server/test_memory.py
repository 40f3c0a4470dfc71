"""A scan worker and the programs that it starts stay within 512 MB, whatever is pushed."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from tests.security.hostile_trees import SLOW_TREES, TREES
from tests.server.conftest import Kova

MOST_MEGABYTES: Final = 512
_LOOK_EVERY: Final = 0.03
_MEGABYTE: Final = 1024**2
_SLOW: Final = pytest.mark.skipif(
    not os.environ.get("STRESS"), reason="minutes each: make stress runs them"
)


def family_of(pid: int) -> set[int]:
    """Return a process and everything that it started."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # It has ended.
        children[parent].append(int(entry.name))
    family, pending = set(), [pid]
    while pending:
        member = pending.pop()
        family.add(member)
        pending += children[member]
    return family


def resident(pid: int) -> int:
    """Return the bytes that a process holds in memory; those of files are counted in each."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.stress
@pytest.mark.parametrize(
    "name", [*TREES, *(pytest.param(name, marks=_SLOW) for name in SLOW_TREES)]
)
def test_a_worker_and_its_programs_stay_within_their_memory(kova: Kova, name: str) -> None:
    (worker,) = [worker for worker in kova.workers if worker.poll() is None]
    kova.push("octo/hostile", (TREES | SLOW_TREES)[name]())
    peak, scans = 0, []
    while not scans:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            peak = max(peak, sum(map(resident, family_of(worker.pid))))
            time.sleep(_LOOK_EVERY)
        scans = [scan for scan in kova.all("/api/scans") if scan["finished_at"] is not None]
    assert (scans[0]["status"], worker.poll()) == ("succeeded", None)
    assert peak < MOST_MEGABYTES * _MEGABYTE, f"{peak // _MEGABYTE} MB"
