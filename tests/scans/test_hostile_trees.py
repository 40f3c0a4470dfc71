"""Trees that were made to hurt: time and memory stay bounded, and what is left out is said."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers, prove_fix
from kova.fixes.propose_fixes import ProposeFixes
from tests.scans.conftest import Desk

BAD = b"def f(x):\n    return x is 'a'\n"
MEGABYTES = 1024  # in kilobytes


def test_hostile_files_are_said_and_hide_no_findings(desk: Desk) -> None:
    deep = "/".join(["d"] * 61)
    desk.push(
        {
            "a.py": BAD,
            "bundle.py": b"x = [" + b"1," * 2_500_000 + b"]\n",
            "one_line.py": b"x = (" + b"1+" * 150_000 + b"1)\n",
            "nested.py": b"(" * 50_000,
            "binary.py": b"\x7fELF\x00\x01" * 100,
            "latin.py": b"# \xe9\n",
            f"{deep}/a.py": BAD,
            "many.py": b"".join(b"def f%d(x=[]): pass\n" % number for number in range(5_000)),
        }
    )
    started = time.monotonic()
    scan = desk.scan()
    assert time.monotonic() - started < 60
    reasons = {file.path: file.reason for file in scan.skipped}
    assert reasons["bundle.py"] == "too_large"
    assert reasons["binary.py"] == reasons["latin.py"] == "not_utf8"
    assert reasons[f"{deep}/a.py"] == "too_deep"
    assert reasons["one_line.py"] == "ruff_crashed"
    assert ("a.py", 2, "F632") in desk.errors()
    assert scan.stats.errors > 5_000
    again = desk.scan()
    assert (again.stats.new_errors, again.stats.fixed_errors) == (0, 0)


def test_links_and_odd_names_are_not_followed(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    repository = desk.github.state.repository("octo/sample")
    git = repository.git
    from kova_fakes.github.objects import LINK, Entry

    head = git.refs["heads/main"]
    files = dict(git.files(git.commits[head].tree))
    files["link.py"] = Entry(mode=LINK, sha=git.add_blob(b"/etc/passwd"))
    git.refs["heads/main"] = git.commit(git.add_files(files), [head], "Link").sha
    scan = desk.scan()
    assert [(file.path, file.reason) for file in scan.skipped] == [("link.py", "symlink")]


def test_a_hundred_thousand_files_stay_within_memory() -> None:
    """In a process of its own, so that its peak is its own; docs/incremental.md has the whole size."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.scans.large_tree", "100000", "3000"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    analyzed, skipped, peak = (int(number) for number in process.stdout.split())
    assert (analyzed, skipped) == (3_000, 97_000)
    assert peak < 512 * MEGABYTES


def test_proving_stops_when_the_time_is_up_and_goes_on_with_the_next_scan(
    tmp_path: Path,
) -> None:
    analyze = AnalyzeTree(local_analyzers())
    names = ["a.py", "b.py", "c.py"]
    for name in names:
        (tmp_path / name).write_bytes(BAD)
    analysis, prove = analyze.analyze(tmp_path, names), prove_fix(analyze)
    ticks = iter(range(100))
    bounded = ProposeFixes(prove, seconds=2, together=1, clock=lambda: float(next(ticks)))
    assert list(bounded.propose(tmp_path, analysis, names)) == ["a.py"]
    assert list(ProposeFixes(prove).propose(tmp_path, analysis, names)) == names
