from __future__ import annotations

from kova.adapters.github.select import select
from kova.shared.code_source import FetchLimits, TreeFile

SHA = "a" * 40


def files(*sizes: int) -> list[TreeFile]:
    return [TreeFile(path=f"f{number}", sha=SHA, size=size) for number, size in enumerate(sizes)]


def reasons(candidates: list[TreeFile], limits: FetchLimits) -> dict[str, str]:
    selected, skipped = select(candidates, limits)
    assert len(selected) + len(skipped) == len(candidates)
    return {file.path: file.reason for file in skipped}


def test_within_the_limits_everything_is_wanted_in_order() -> None:
    candidates = files(1, 2, 3)

    assert select(candidates, FetchLimits()) == (tuple(candidates), ())


def test_a_limit_itself_is_allowed() -> None:
    assert reasons(files(5, 5), FetchLimits(files=2, file_bytes=5, total_bytes=10)) == {}


def test_each_limit_has_its_reason() -> None:
    deep = TreeFile(path="a/b/c", sha=SHA, size=1)

    assert reasons(files(6), FetchLimits(file_bytes=5)) == {"f0": "too_large"}
    assert reasons(files(1, 1, 1), FetchLimits(files=2)) == {"f2": "too_many_files"}
    assert reasons(files(4, 4, 4), FetchLimits(total_bytes=8)) == {"f2": "total_size_limit"}
    assert reasons([deep], FetchLimits(depth=1)) == {"a/b/c": "too_deep"}


def test_smaller_files_still_fit_after_one_that_does_not() -> None:
    assert reasons(files(4, 9, 4), FetchLimits(total_bytes=8)) == {"f1": "total_size_limit"}
