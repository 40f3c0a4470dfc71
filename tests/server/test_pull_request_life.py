"""A pull request with fixes has a life: closed, merged, or no longer needed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import Kova

BAD = b"def f(x):\n    return x is 'a'\n"
MENDED = b"def f(x):\n    return x == 'a'\n"
BRANCH = "kova/fix-main"


def pulls(kova: Kova) -> list[dict[str, Any]]:
    return kova.github.state.pulls("octo/sample")


def offer(kova: Kova) -> None:
    """Push an error, and see its fix offered."""
    kova.push("octo/sample", {"a.py": BAD})
    kova.wait_for_scans(1)
    (pull,) = pulls(kova)
    assert (pull["state"], pull["head_ref"]) == ("open", BRANCH)


def statuses(kova: Kova) -> set[str]:
    return {fix["status"] for fix in kova.all("/api/fixes")}


def test_what_a_person_closed_is_not_opened_again(kova: Kova) -> None:
    offer(kova)
    pulls(kova)[0]["state"] = "closed"
    kova.push("octo/sample", {"note.md": b"A later push.\n"})
    kova.wait_for_scans(2)
    assert len(pulls(kova)) == 1
    assert statuses(kova) == {"closed"}


def test_what_was_merged_is_merged_and_its_branch_is_gone(kova: Kova) -> None:
    offer(kova)
    pulls(kova)[0].update(state="closed", merged_at="2026-11-29T12:00:00Z")
    kova.push("octo/sample", {"a.py": MENDED})
    kova.wait_for_scans(2)
    assert statuses(kova) == {"merged"}
    assert f"heads/{BRANCH}" not in kova.github.state.repository("octo/sample").git.refs


@pytest.mark.parametrize("deletes", [[], ["a.py"]])
def test_what_was_mended_by_hand_or_deleted_is_closed_with_a_comment(
    kova: Kova, deletes: list[str]
) -> None:
    offer(kova)
    kova.push("octo/sample", {"b.py": b"x = 1\n"} if deletes else {"a.py": MENDED}, deletes=deletes)
    kova.wait_for_scans(2)
    assert statuses(kova) == {"closed"}
    (pull,) = pulls(kova)
    assert pull["state"] == "closed"
    repository = kova.github.state.repository("octo/sample")
    (comment,) = repository.comments
    assert "nothing left to merge" in comment["body"]
    assert f"heads/{BRANCH}" not in repository.git.refs
