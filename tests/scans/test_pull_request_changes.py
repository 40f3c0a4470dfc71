"""What a pull request changed is what differs between two trees."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kova.scans.pull_request_changes import find_changes
from kova.shared.code_source import Comparison, Tree, TreeFile

SHA = "1" * 40
NOTHING = Comparison(merge_base_sha=SHA, changed=frozenset(), renamed={}, complete=True)


def tree(files: dict[str, str], *, complete: bool = True) -> Tree:
    listed = tuple(TreeFile(path=path, sha=sha, size=1) for path, sha in files.items())
    return Tree(commit_sha=SHA, files=listed, skipped=(), complete=complete)


def test_files_are_changed_by_their_blobs_also_where_the_list_was_cut() -> None:
    base = tree({"same": "1", "edited": "2", "deleted": "3"})
    head = tree({"same": "1", "edited": "9", "new": "4"})
    changes = find_changes(base, head, replace(NOTHING, complete=False))
    assert changes.changed == {"edited", "new"}
    assert (changes.renamed, changes.unknown, changes.complete) == ({}, frozenset(), True)
    assert changes.old_paths == {"edited", "new"}


def test_a_moved_file_has_its_old_path_also_if_it_was_edited() -> None:
    base = tree({"a/x.py": "1", "a/y.py": "2"})
    head = tree({"b/x.py": "1", "b/y.py": "9"})
    listed = replace(NOTHING, renamed={"b/y.py": "a/y.py", "b/x.py": "a/y.py", "c": "d"})
    changes = find_changes(base, head, listed)
    assert changes.renamed == {"b/x.py": "a/x.py", "b/y.py": "a/y.py"}
    assert changes.old_paths == {"a/x.py", "a/y.py"}


def test_of_a_base_that_was_cut_nothing_is_called_new_that_may_have_been_there() -> None:
    base = tree({"a": "1"}, complete=False)
    head = tree({"a": "2", "old": "3", "edited": "4", "new": "5"})
    listed = replace(
        NOTHING,
        changed=frozenset({"a", "edited", "new"}),
        added=frozenset({"new"}),
    )
    changes = find_changes(base, head, listed)
    assert changes.changed == {"a", "edited", "new"}
    assert changes.unknown == {"edited"}
    assert changes.complete
    assert not find_changes(base, head, replace(listed, complete=False)).complete


def test_a_head_that_was_cut_is_not_complete_and_moves_nothing() -> None:
    changes = find_changes(tree({"a": "1"}), tree({"b": "1"}, complete=False), NOTHING)
    assert (changes.changed, changes.renamed, changes.complete) == ({"b"}, {}, False)


@pytest.mark.parametrize("same_name", [True, False])
def test_many_equal_files_are_moved_in_linear_time(same_name: bool) -> None:
    def seconds(count: int) -> float:
        base = tree({f"a/{number}/x": "1" for number in range(count)})
        name = "x" if same_name else "y"
        head = tree({f"b/{number}/{name}": "1" for number in range(count)})
        started = time.process_time()
        assert len(find_changes(base, head, NOTHING).renamed) == count
        return time.process_time() - started

    small = min(seconds(2_000) for _ in range(3))
    # Eight times the files: a quadratic search would take 64 times as long. The best of three, too:
    # on a busy machine one was 36 times as long.
    assert min(seconds(16_000) for _ in range(3)) < 30 * max(small, 0.001)
