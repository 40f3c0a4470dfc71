"""Pull requests of fixes are found, withdrawn, and their branches deleted."""

from __future__ import annotations

from typing import Any

import pytest

from kova.adapters.github.publisher import GitHubPublisher
from kova.fixes.publisher import OfferedPull, PullState
from kova.shared.exceptions import GitHubRefusedError
from kova.shared.repository import RepositoryRef
from tests.github.pulls.conftest import (
    BRANCH,
    CREATE_PULL,
    CREATE_REF,
    FIX,
    MOVE_REF,
    NOWHERE,
    OLD,
    PAGE,
    PULLS,
    REF,
    REPO,
    UPDATE_PULL,
    WITHDRAWN,
    allow_moves,
    commit,
    fix,
    list_moves,
    list_writes,
    pull_json,
    ref_json,
)


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, PullState.OPEN),
        ({"state": "closed", "merged_at": None}, PullState.CLOSED),
        ({"state": "closed", "merged_at": "2030-01-02T03:04:05Z"}, PullState.MERGED),
    ],
)
async def test_a_pull_request_is_found_by_its_page(
    github: Any,
    publisher: GitHubPublisher,
    repository: RepositoryRef,
    changed: dict[str, Any],
    state: PullState,
) -> None:
    github.json(f"GET {REPO}/pulls/9", pull_json(**changed))
    offered = await publisher.find_pull(repository, PAGE)
    assert offered == OfferedPull(
        url=PAGE, state=state, branch=BRANCH, base_branch="main", head_sha=FIX, body="Proved."
    )


async def test_a_pull_request_of_somebody_else_is_none_of_kovas(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    head = {"ref": "feature", "sha": FIX, "repo": {"id": 1}}
    github.json(f"GET {REPO}/pulls/9", pull_json(head=head))
    assert await publisher.find_pull(repository, PAGE) is None
    assert await publisher.find_pull(repository, "https://github.example/elsewhere") is None
    github.json(f"GET {REPO}", {"id": 1})
    assert await publisher.find_pull(repository, PAGE.replace("/9", "/10")) is None


async def test_a_withdrawn_pull_request_is_closed_then_explained(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(UPDATE_PULL, pull_json(state="closed"))
    github.json(f"POST {REPO}/issues/9/comments", {"id": 1}, status=201)
    github.json(REF, ref_json(FIX))
    github.json(f"{REPO}/git/commits/{FIX}", commit(FIX))
    allow_moves(github)
    github.json(PULLS, [pull_json()])  # GitHub's list is a moment behind.
    await publisher.withdraw(repository, offered_pull(), "Nothing is left.")
    assert list_writes(github) == [
        UPDATE_PULL,
        f"POST {REPO}/issues/9/comments",
        MOVE_REF,
    ]
    deletion = {
        "name": f"refs/heads/{BRANCH}",
        "beforeOid": FIX,
        "afterOid": NOWHERE,
        "force": True,
    }
    assert list_moves(github) == [deletion]
    body = f"Proved.\n\n{WITHDRAWN}"
    assert github.sent("PATCH") == [(f"{REPO}/pulls/9", {"state": "closed", "body": body})]


def offered_pull(**changed: Any) -> OfferedPull:
    fields = {"state": PullState.OPEN, "branch": BRANCH, "head_sha": FIX, "body": "Proved."}
    return OfferedPull(**{"url": PAGE, **fields, **changed})


@pytest.mark.parametrize(("comments", "told"), [([], 1), ([{"body": "Nothing is left."}], 0)])
async def test_an_interrupted_withdrawal_is_ended(
    github: Any,
    publisher: GitHubPublisher,
    repository: RepositoryRef,
    comments: list[dict[str, str]],
    told: int,
) -> None:
    github.json(f"{REPO}/issues/9/comments", comments)
    github.json(f"POST {REPO}/issues/9/comments", {"id": 1}, status=201)
    pull = offered_pull(state=PullState.CLOSED, body=WITHDRAWN, is_withdrawn=True)
    await publisher.withdraw(repository, pull, "Nothing is left.")
    assert len(list_writes(github)) == told


async def test_a_withdrawn_pull_request_that_is_open_again_loses_its_mark(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(UPDATE_PULL, pull_json())
    await publisher.forget_withdrawal(repository, offered_pull(body=f"Proved.\n\n{WITHDRAWN}"))
    await publisher.forget_withdrawal(repository, offered_pull())
    assert github.sent("PATCH") == [(f"{REPO}/pulls/9", {"body": "Proved."})]


async def test_the_change_of_a_withdrawn_pull_request_is_offered_again(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(PULLS, [pull_json(state="closed", body=f"Proved.\n\n{WITHDRAWN}")])
    github.json(CREATE_REF, {}, status=201)
    github.json(CREATE_PULL, pull_json(), status=201)
    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == [CREATE_REF, CREATE_PULL]


@pytest.mark.parametrize(
    ("head", "other", "deleted"),
    [
        (FIX, pull_json(number=8, state="closed"), True),
        (FIX, pull_json(number=8), False),
        (OLD, pull_json(number=8, state="closed"), False),
    ],
)
async def test_a_branch_that_others_go_on_with_is_not_deleted(
    github: Any,
    publisher: GitHubPublisher,
    repository: RepositoryRef,
    *,
    head: str,
    other: dict[str, Any],
    deleted: bool,
) -> None:
    github.json(REF, ref_json(head))
    github.json(f"{REPO}/git/commits/{OLD}", commit(OLD))
    github.json(PULLS, [other])
    allow_moves(github)
    await publisher.delete_branch(repository, offered_pull(state=PullState.MERGED))
    assert bool(list_writes(github)) == deleted


async def test_a_branch_that_a_person_commits_to_meanwhile_is_not_deleted(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(REF, ref_json(FIX), ref_json(OLD))
    github.json(PULLS, [])
    allow_moves(github, errors=[{"type": "UNPROCESSABLE", "message": "It points elsewhere."}])
    await publisher.delete_branch(repository, offered_pull(state=PullState.MERGED))


async def test_a_branch_that_may_not_be_deleted_is_told(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(REF, ref_json(FIX))
    github.json(PULLS, [])
    allow_moves(github, errors=[{"type": "FORBIDDEN", "message": "Not accessible."}])
    with pytest.raises(GitHubRefusedError):
        await publisher.delete_branch(repository, offered_pull(state=PullState.MERGED))


async def test_a_branch_with_a_persons_commits_is_not_deleted(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(REF, ref_json(OLD))
    github.json(f"{REPO}/git/commits/{OLD}", commit(OLD, "person@example.com"))
    await publisher.delete_branch(repository, offered_pull(head_sha=OLD))
    await publisher.delete_branch(repository, offered_pull(branch="main"))
    assert list_writes(github) == []
