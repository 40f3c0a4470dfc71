"""Which files are fetched is decided from the listing, each left out with its reason."""

from __future__ import annotations

import pytest

from kova.analysis.select_files import select_files
from kova.shared.code_source import FetchLimits, TreeFile
from kova.shared.skipped import Skipped


def file_of(path: str, size: int = 10) -> TreeFile:
    return TreeFile(path=path, sha="0" * 40, size=size)


def is_python(path: str) -> bool:
    return path.endswith(".py")


def select(tree_files: list[TreeFile], **limits: int) -> tuple[list[str], list[Skipped]]:
    selected, skipped = select_files(tree_files, is_python, FetchLimits(**limits))
    return [file.path for file in selected], skipped


def test_files_are_selected_in_the_order_of_their_paths() -> None:
    assert select([file_of("b.py"), file_of("a.py")]) == (["a.py", "b.py"], [])


def test_a_file_that_nothing_reads_is_in_neither_list() -> None:
    assert select([file_of("a.py"), file_of("image.png", 10**9)]) == (["a.py"], [])


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"depth": 1}, "too_deep"),
        ({"file_bytes": 19}, "too_large"),
        ({"files": 1}, "too_many_files"),
        ({"total_bytes": 29}, "total_size_limit"),
    ],
)
def test_a_file_beyond_a_limit_is_left_out_with_the_reason(
    limits: dict[str, int], reason: str
) -> None:
    files = [file_of("a.py"), file_of("b/c.py", 20)]
    assert select(files, **limits) == (["a.py"], [Skipped(path="b/c.py", reason=reason)])


def test_a_file_at_the_limit_is_selected() -> None:
    files = [file_of("a.py"), file_of("b/c.py", 20)]
    limits = {"depth": 2, "file_bytes": 20, "files": 2, "total_bytes": 30}
    assert select(files, **limits) == (["a.py", "b/c.py"], [])


def test_a_file_over_the_total_leaves_room_for_a_smaller_one() -> None:
    files = [file_of("a.py"), file_of("b.py", 20), file_of("c.py")]
    assert select(files, total_bytes=20) == (
        ["a.py", "c.py"],
        [Skipped(path="b.py", reason="total_size_limit")],
    )
