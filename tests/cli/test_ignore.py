"""`.gitignore` in a local scan: git's rules, said, and harmless whatever it holds."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from kova.shared.exceptions import InvalidInputError
from kova_server.local.files import list_files
from kova_server.local.ignore import MOST_BYTES, MOST_LEVELS, MOST_PATTERNS
from tests.cli.test_failures import run
from tests.cli.test_scan import BAD


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(BAD)


def write(folder: Path, path: str, *lines: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text("\n".join(lines) + "\n")


def is_python(path: str) -> bool:
    return path.endswith(".py")


def list_paths(folder: Path, *exclude: str, ignore_files: bool = True) -> set[str]:
    listing = list_files(folder, is_python, exclude=exclude, ignore_files=ignore_files)
    return {file.path for file in listing.files}


def scan_json(folder: Path, *arguments: str) -> dict[str, Any]:
    process = run("scan", folder, "--format", "json", *arguments)
    assert process.returncode in {0, 1}, process.stderr
    assert process.stderr == ""
    answer: dict[str, Any] = json.loads(process.stdout)
    return answer


def test_what_is_ignored_is_left_out_counted_and_said(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "b.py", "build/x.py", "build/deep/y.py", "src/c.py")
    write(tmp_path, ".gitignore", "build/", "/b.py")
    answer = scan_json(tmp_path)
    assert {finding["path"] for finding in answer["findings"]} == {"a.py", "src/c.py"}
    assert answer["skipped"] == [
        {"path": "b.py", "reason": "ignored"},
        {"path": "build", "reason": "ignored"},
    ]
    assert (answer["stats"]["files_ignored"], answer["stats"]["folders_ignored"]) == (1, 1)
    assert answer["stats"]["files_skipped"] == 0
    table = run("scan", tmp_path).stdout
    assert "1 folder and 1 file left out by .gitignore (--no-ignore scans them)." in table
    everything = scan_json(tmp_path, "--no-ignore")
    assert len({finding["path"] for finding in everything["findings"]}) == 5
    assert everything["skipped"] == []


def test_exclude_leaves_out_more_and_is_said_apart(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "vendor/b.py", "src/gen_c.py", "src/d.py", "x.py")
    write(tmp_path, ".gitignore", "x.py", "!vendor/")
    answer = scan_json(tmp_path, "--exclude", "vendor/", "--exclude", "gen_*.py")
    assert {finding["path"] for finding in answer["findings"]} == {"a.py", "src/d.py"}
    assert answer["skipped"] == [
        {"path": "src/gen_c.py", "reason": "excluded"},
        {"path": "vendor", "reason": "excluded"},
        {"path": "x.py", "reason": "ignored"},
    ]


@pytest.mark.parametrize("glob", ["!", "", " ", "#x", "/", "[a", "[[:x:]]"])
def test_an_exclude_that_matches_nothing_is_an_error(tmp_path: Path, glob: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a pattern"):
        list_files(tmp_path, is_python, exclude=(glob,))


def test_an_odd_pattern_is_read_as_git_reads_it_without_a_word(tmp_path: Path) -> None:
    """Python once warned about nested sets, and every folder was left out."""
    make(tmp_path, "sub/a.py", "1.py")
    write(tmp_path, ".gitignore", "[[:digit:]]*")
    assert {finding["path"] for finding in scan_json(tmp_path)["findings"]} == {"sub/a.py"}


def test_many_ignored_files_of_a_folder_are_one_entry(tmp_path: Path) -> None:
    make(tmp_path, *(f"gen/g{number}.py" for number in range(300)), "gen/keep.py")
    write(tmp_path, ".gitignore", "gen/g*.py")
    listing = list_files(tmp_path, is_python)
    assert [file.path for file in listing.files] == ["gen/keep.py"]
    assert [(file.path, file.reason) for file in listing.left_out] == [("gen/*", "ignored")]
    assert listing.ignored_files == 300


def test_a_folder_of_a_repository_keeps_the_rules_above_it(tmp_path: Path) -> None:
    make(tmp_path, "sub/a.py", "sub/b.py", "sub/c.py", "sub/in/d.py", "outside.py")
    write(tmp_path, ".gitignore", "/sub/a.py")
    write(tmp_path, ".git/info/exclude", "b.py", "d.py")
    write(tmp_path, "sub/in/.gitignore", "!d.py")
    assert list_paths(tmp_path / "sub") == {"c.py", "in/d.py"}
    assert list_paths(tmp_path / "sub", "/in/") == {"c.py"}


def test_a_folder_that_is_itself_ignored_is_scanned_when_named(tmp_path: Path) -> None:
    make(tmp_path, "build/lib/a.py", "build/lib/b.py")
    (tmp_path / ".git").mkdir()
    write(tmp_path, ".gitignore", "build/")
    write(tmp_path, "build/lib/.gitignore", "b.py")
    assert list_paths(tmp_path / "build" / "lib") == {"a.py"}
    assert list_paths(tmp_path) == set()


def test_a_worktree_finds_its_repository_s_exclude(tmp_path: Path) -> None:
    git = tmp_path / "main" / ".git"
    write(git, "info/exclude", "a.py")
    write(git, "worktrees/w/commondir", "../..")
    write(tmp_path, "w/.git", f"gitdir: {git}/worktrees/w")
    make(tmp_path, "w/a.py", "w/b.py")
    assert list_paths(tmp_path / "w") == {"b.py"}


GIT = ("git", "-c", "core.excludesFile=/dev/null")
NAMES = ["a", "b", "ab", "a.py", "b.py", "build"]
ODD_NAMES = ["1", "A", "_", "-", "]", "[", "\\", "^", "!", ":", "a b", "é", "ab-", "a]", "#"]
MEMBERS = [*"ab1A_-]\\[^!:/é ", "a-c", "[:digit:]", "[:alpha:]", "[:punct:]", "[:space:]", "[:x:]"]
BRACKETS = st.builds(
    "{}[{}{}]{}".format,
    st.sampled_from(["", "", "*", "a"]),
    st.sampled_from(["", "", "!", "^"]),
    st.lists(st.sampled_from(MEMBERS), max_size=4).map("".join),
    st.sampled_from(["", "*", "b", ".py", "[ab]*"]),
)
PIECES = BRACKETS | st.sampled_from(
    [
        *NAMES,
        "\\[*",
        "[",
        "[a",
        "?*",
        "é*",
        "\\é.py",
        "a ",
        "\t",
        "*",
        "**",
        "?",
        "[ab]",
        "*.py",
        "a*",
        "[!a].py",
        r"\a",
        "b ",
    ]
)
PATTERNS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PIECES, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/"]),
)
PATHS = [
    f"{folder}{name}"
    for folder in ("", "a/", "b/", "build/", "a/b/", "a/build/", "b/a/ab/")
    for name in ("a.py", "b.py", "ab.py")
] + [f"{folder}{name}.py" for folder in ("", "a/", "1/", "]/") for name in ODD_NAMES]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", folder], check=True)
    for path in PATHS:
        write(folder, path, "")
    return folder


@seed(1)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(PATTERNS, max_size=4), st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=2)
)
@example(["[[:digit:]]*"], [], [])
@example([r"[a\-b]*", r"[\]]*", "[]-a]*"], [], [])
@example(["a[b/c]b.py"], ["é"], ["?.py"])
@example([], [], ["a", "!b"])  # `b` is not ignored; `b/a` is.
def test_git_agrees(repository: Path, top: list[str], nested: list[str], info: list[str]) -> None:
    write(repository, ".gitignore", *top)
    write(repository, "a/.gitignore", *nested)
    write(repository, ".git/info/exclude", *info)
    answer = subprocess.run(
        [*GIT, "-C", str(repository), "ls-files", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {path for path in answer.stdout.split("\0") if is_python(path)}
    assert list_paths(repository) == expected


HOSTILE = {
    "a megabyte of patterns": (b"*.x\n" * 250_000, "ignore_file_too_large"),
    "more patterns than are read": (b"x\n" * (MOST_PATTERNS + 1), "ignore_patterns_too_many"),
    "a pattern without an end": (b"y" * (MOST_BYTES - 100), "ignore_patterns_refused"),
    "patterns that backtrack": (b"*a*a*a*a*a*a*a*a*a*ab\n" * 500, None),
    "folders that backtrack": (b"**/a/**/a/**/a/**/a/**/a/**/b\n" * 300, None),
    "patterns that are no pattern": (b"!\n\\\n[z-a]\n", "ignore_patterns_refused"),
    "patterns too large together": (b"?" * 400 + b"*\n" + b"*".join([b"?" * 40] * 9) * 1, None),
    "not UTF-8": (b"caf\xe9\n\xff\xfe\n", "ignore_patterns_refused"),
    "NUL": (b"a\0b\n", "ignore_patterns_refused"),
    "nothing": (b"", None),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_ignore_file_costs_little_and_is_said(tmp_path: Path, case: str) -> None:
    """Each of these, read by a matcher that backtracks, takes hours or raises."""
    content, reason = HOSTILE[case]
    make(tmp_path, "keep.py", f"{'a' * 200}.py", f"{'a/' * 50}b.py", "drop/x.py")
    (tmp_path / ".gitignore").write_bytes(content + b"\ndrop/\n")
    process = run("scan", tmp_path, "--format", "json")
    assert process.returncode == 1, process.stderr
    assert process.stderr == ""
    answer = json.loads(process.stdout)
    reasons = {file["reason"] for file in answer["skipped"] if file["path"] == ".gitignore"}
    # The file is scanned as well, and may be skipped for a reason of its own.
    reasons = {reason for reason in reasons if reason.startswith("ignore_")}
    if reason is not None:
        assert reasons == {reason}
    assert "keep.py" in {finding["path"] for finding in answer["findings"]}
    used = reason in {None, "ignore_patterns_refused"} and reasons <= {"ignore_patterns_refused"}
    dropped = {"path": "drop", "reason": "ignored"} in answer["skipped"]
    assert dropped or not used or case == "patterns too large together"


def test_ignore_files_in_every_one_of_many_nested_folders(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(MOST_LEVELS + 5):
        write(deep, ".gitignore", "drop.py")
        deep /= "d"
    make(deep, "keep.py")
    listing = list_files(tmp_path, is_python)
    assert len(listing.files) == 1
    reasons = [file.reason for file in listing.skipped]
    assert reasons == ["ignore_files_nested_too_deep"] * 5


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_an_ignore_file_that_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    make(tmp_path, "a.py")
    place = tmp_path / ".gitignore"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "link":
        place.symlink_to("/dev/zero")
    else:
        place.mkdir()
    listing = list_files(tmp_path, is_python)
    assert [file.path for file in listing.files] == ["a.py"]
    skipped = [(file.path, file.reason) for file in listing.skipped]
    assert skipped == ([] if kind == "folder" else [(".gitignore", "ignore_file_unreadable")])


def test_a_pipe_in_the_place_of_a_cache_tag_is_not_waited_for(tmp_path: Path) -> None:
    make(tmp_path, "src/a.py")
    os.mkfifo(tmp_path / "src" / "CACHEDIR.TAG")
    assert list_paths(tmp_path) == {"src/a.py"}
