"""`kova scan --sarif`: another tool's log, as tools write it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_failures import run, run_interpreter
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


def test_a_linked_working_folder_is_known_by_the_shell_s_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, link = tmp_path / "c#", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    (folder / "a.py").write_text("x = 1\n")
    file = tmp_path / "log.sarif"
    file.write_bytes(log(result_at(f"{link}/a.py"), result_at(f"{folder.as_uri()}/a.py")))
    monkeypatch.chdir(link)
    for shell, refused in ((link, 0), (tmp_path, 1)):
        monkeypatch.setenv("PWD", str(shell))
        process = run_interpreter("scan", ".", "--sarif", file, "--format", "json")
        answer = json.loads(process.stdout)
        assert (len(answer["findings"]), len(answer["skipped"])) == (2 - refused, refused)


def test_a_foreign_tool_is_kept_apart_from_an_analyser_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = y\n")
    file = tmp_path / "log.sarif"
    file.write_bytes(log(result_at("a.py"), tool={"driver": {"name": "ruff"}}))
    answer = json.loads(run("scan", tmp_path, "--sarif", file, "--format", "json").stdout)
    analyzers = sorted(finding["analyzer"] for finding in answer["findings"])
    assert analyzers == ["ruff", "ruff (sarif)"]
