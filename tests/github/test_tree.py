from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kova.adapters.github import tree as module
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.source import GitHubSource
from kova.shared.code_source import Tree
from kova.shared.exceptions import GitHubUnavailableError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef

Connect = Callable[..., GitHubClient]
TREES = "/repos/octo/sample/git/trees/"
COMMIT = "c" * 40
SHA = "a" * 40


def blob(path: Any, **changed: Any) -> dict[str, Any]:
    node = {"path": path, "mode": "100644", "type": "blob", "sha": SHA, "size": 3}
    return node | changed


def folder(path: str, sha: str) -> dict[str, Any]:
    return {"path": path, "mode": "040000", "type": "tree", "sha": sha}


def listing(*nodes: Any, truncated: bool = False) -> dict[str, Any]:
    return {"sha": COMMIT, "tree": list(nodes), "truncated": truncated}


@pytest.fixture
def read(script: Any, connect: Connect, repository: RepositoryRef) -> Callable[[], Any]:
    source = GitHubSource(connect(script.url))
    return lambda: source.tree(repository, COMMIT)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "unsafe_path"),
        ("../out", "unsafe_path"),
        ("a/../../out", "unsafe_path"),
        ("a/./b", "unsafe_path"),
        ("a//b", "unsafe_path"),
        ("a/", "unsafe_path"),
        ("", "unsafe_path"),
        ("a\\..\\b", "unsafe_path"),
        ("a\0b", "unsafe_path"),
        ("a\nb", "unsafe_path"),
        ("a\x1b[2Jb", "unsafe_path"),
        ("a\ud800b", "unsafe_path"),
        (".git/config", "unsafe_path"),
        ("sub/.GIT/hooks/pre-commit", "unsafe_path"),
        ("n" * 256, "unsafe_path"),
        ("/".join(["é" * 100] * 30), "unsafe_path"),
        ("d/" * 61 + "f", "too_deep"),
    ],
)
async def test_a_hostile_name_is_skipped_and_said(
    script: Any, read: Callable[[], Any], path: str, reason: str
) -> None:
    script.json(TREES + COMMIT, listing(blob(path), blob("good.py")))

    tree: Tree = await read()

    assert [file.path for file in tree.files] == ["good.py"]
    assert [file.reason for file in tree.skipped] == [reason]
    tree.skipped[0].path.encode()
    assert tree.skipped[0].path
    assert "\0" not in tree.skipped[0].path


async def test_what_is_no_regular_file_is_skipped_with_its_kind(
    script: Any, read: Callable[[], Any]
) -> None:
    script.json(
        TREES + COMMIT,
        listing(
            blob("link", mode="120000"),
            blob("vendored", mode="160000", type="commit"),
            blob("run.sh", mode="100755"),
            blob("device", mode="060000"),
            blob("short", sha="abc"),
            blob("big", size="3"),
            blob("minus", size=-1),
            blob(5),
            blob("run.sh"),
            "nonsense",
            folder("src", "b" * 40),
        ),
    )

    tree: Tree = await read()

    assert [(file.path, file.mode) for file in tree.files] == [("run.sh", "100755")]
    assert {(file.path, file.reason) for file in tree.skipped} == {
        ("link", "symlink"),
        ("vendored", "submodule"),
        ("device", "malformed_entry"),
        ("short", "malformed_entry"),
        ("big", "malformed_entry"),
        ("minus", "malformed_entry"),
        (".", "malformed_entry"),
        ("run.sh", "duplicate_path"),
    }
    assert tree.complete


async def test_a_listing_that_was_cut_is_read_folder_by_folder(
    script: Any, read: Callable[[], Any]
) -> None:
    first, second, third = "1" * 40, "2" * 40, "3" * 40
    script.json(f"{TREES}{COMMIT}?recursive=1", listing(blob("cut"), truncated=True))
    script.json(TREES + COMMIT, listing(blob("top"), folder("a", first), folder("b", second)))
    script.json(f"{TREES}{first}?recursive=1", listing(blob("x"), blob("y/z")))
    script.json(f"{TREES}{second}?recursive=1", listing(truncated=True))
    script.json(TREES + second, listing(blob("w"), folder("c", third)))
    script.json(f"{TREES}{third}?recursive=1", listing(blob("v")))

    tree: Tree = await read()

    assert {file.path for file in tree.files} == {"top", "a/x", "a/y/z", "b/w", "b/c/v"}
    assert tree.complete


async def test_what_cannot_be_listed_is_said(
    script: Any, read: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXTRA_CALLS", 2)
    first, second = "1" * 40, "2" * 40
    script.json(f"{TREES}{COMMIT}?recursive=1", listing(truncated=True))
    script.json(TREES + COMMIT, listing(folder("a", first), folder("b", second)))
    script.json(f"{TREES}{first}?recursive=1", listing(blob("x")))

    tree: Tree = await read()

    assert [file.path for file in tree.files] == ["a/x"]
    assert [(file.path, file.reason) for file in tree.skipped] == [("b", "not_listed")]
    assert not tree.complete


async def test_a_tree_that_contains_itself_ends(
    script: Any, read: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXTRA_CALLS", 30)
    script.json(f"{TREES}{COMMIT}?recursive=1", listing(truncated=True))
    script.json(TREES + COMMIT, listing(folder("again", COMMIT)))

    tree: Tree = await read()

    assert not tree.complete
    assert len(script.requests) == 31


@pytest.mark.parametrize("status", [404, 409, 422])
async def test_a_commit_that_is_not_there_is_not_found(
    script: Any, read: Callable[[], Any], status: int
) -> None:
    script.json(TREES + COMMIT, {"message": "Git Repository is empty."}, status=status)

    with pytest.raises(RepositoryNotFoundError):
        await read()


@pytest.mark.parametrize("body", [{}, {"tree": "x"}, {"tree": None}])
async def test_a_tree_without_entries_is_githubs_failure(
    script: Any, read: Callable[[], Any], body: Any
) -> None:
    script.json(TREES + COMMIT, body)

    with pytest.raises(GitHubUnavailableError):
        await read()
