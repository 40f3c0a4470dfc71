"""A branch of Kova's own moves only from where Kova saw it last."""

from __future__ import annotations

from typing import Any

import pytest

from kova.adapters.github.publisher import GitHubPublisher
from kova.shared.exceptions import (
    GitHubRateLimitedError,
    GitHubRefusedError,
    RepositoryNotFoundError,
)
from kova.shared.repository import RepositoryRef
from tests.github.pulls.conftest import (
    BRANCH,
    OLD,
    PULLS,
    REF,
    REPO,
    allow_moves,
    commit,
    fix,
    pull_json,
    ref_json,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "UNPROCESSABLE", "message": "It points elsewhere."}, "invalid"),
        ({"type": "FORBIDDEN", "message": "Not accessible."}, "forbidden"),
        ({"message": 5}, "invalid"),
        ({}, "invalid"),
    ],
)
async def test_a_branch_that_somebody_moved_a_moment_ago_is_not_overwritten(
    github: Any,
    publisher: GitHubPublisher,
    repository: RepositoryRef,
    *,
    error: dict[str, Any],
    kind: str,
) -> None:
    """GitHub shows it as it was; the move says from where, and is refused."""
    head = {"ref": BRANCH, "sha": OLD, "repo": {"id": 1}}
    github.json(PULLS, [pull_json(head=head)])
    github.json(REF, ref_json(OLD))
    github.json(f"{REPO}/git/commits/{OLD}", commit(OLD))
    allow_moves(github, data={"updateRefs": None}, errors=[error])
    with pytest.raises(GitHubRefusedError) as caught:
        await publisher.pull_request(repository, fix())
    assert caught.value.data["refusal"] == kind


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("RATE_LIMITED", GitHubRateLimitedError), ("NOT_FOUND", RepositoryNotFoundError)],
)
async def test_what_graphql_tells_has_the_errors_of_the_rest(
    github: Any,
    publisher: GitHubPublisher,
    repository: RepositoryRef,
    *,
    kind: str,
    expected: type[Exception],
) -> None:
    github.json(PULLS, [])
    github.json(REF, ref_json(OLD))
    github.json(f"{REPO}/git/commits/{OLD}", commit(OLD))
    allow_moves(github, errors=[{"type": kind, "message": "No."}])
    with pytest.raises(expected):
        await publisher.pull_request(repository, fix())
