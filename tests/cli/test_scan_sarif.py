"""`kova scan --sarif`: another tool's results beside Kova's own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_scan import BAD, kova
from tests.scans.test_sarif import check_github_rules
from tests.scans.test_sarif_import import RESULT, log


def test_another_tool_s_results_are_told_beside_kova_s_own(tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "b.py").write_bytes(BAD)
    sarif_file = tmp_path / "other.sarif"
    sarif_file.write_bytes(log(RESULT, {**RESULT, "locations": []}))
    out = json.loads(kova(folder, "--sarif", sarif_file, "--format", "json", code=1))
    assert {finding["analyzer"] for finding in out["findings"]} >= {"ruff", "CodeQL"}
    assert {"path": "other.sarif", "reason": "sarif_no_path_in_the_repository"} in out["skipped"]
    check_github_rules(json.loads(kova(folder, "--sarif", sarif_file, "--format", "sarif", code=1)))


def test_a_file_that_is_no_sarif_cannot_be_added(tmp_path: Path) -> None:
    sarif_file = tmp_path / "other.sarif"
    sarif_file.write_text("{}")
    kova(tmp_path, "--sarif", sarif_file, code=2)
    kova(tmp_path, "--sarif", tmp_path / "missing", code=2)
