"""`kova scan --sarif`: another tool's log, as tools write it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_failures import run
from tests.scans.test_sarif_import import log, result_at


def test_absolute_paths_of_the_folder_are_placed_also_through_a_link(tmp_path: Path) -> None:
    folder, link = tmp_path / "a folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    (folder / "a.py").write_text("x = 1\n")
    body = log(result_at(f"{folder.as_uri()}/a.py"), result_at(f"{link}/a.py"))
    file = tmp_path / "log.sarif"
    file.write_bytes(b"\xef\xbb\xbf" + body)
    process = run("scan", link, "--sarif", file, "--format", "json")
    assert process.returncode == 1, process.stderr
    answer = json.loads(process.stdout)
    assert [finding["path"] for finding in answer["findings"]] == ["a.py", "a.py"]
    assert answer["skipped"] == []
    # Of the folder's own name nothing says that the link leads there.
    process = run("scan", folder, "--sarif", file, "--format", "json")
    (skipped,) = json.loads(process.stdout)["skipped"]
    assert skipped["reason"] == "sarif_no_path_in_the_repository"
