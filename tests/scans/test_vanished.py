"""A file that goes away between listing and reading is said, and harms no other."""

from __future__ import annotations

from pathlib import Path

from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers


def test_a_file_that_vanished_is_said_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1 is 'a'\n")
    (tmp_path / "loop.py").symlink_to("loop.py")
    analysis = AnalyzeTree(local_analyzers()).analyze(tmp_path, ["a.py", "gone.py", "loop.py"])
    assert {(file.path, file.reason) for file in analysis.skipped} == {
        ("gone.py", "unreadable"),
        ("loop.py", "unreadable"),
    }
    assert analysis.analyzed == {"a.py"}
    assert [finding.rule_id for finding in analysis.findings] == ["F632"]
