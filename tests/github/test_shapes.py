"""What GitHub answers is read field by field, whatever stands there."""

from __future__ import annotations

from typing import Any

import pytest

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.source import GitHubSource
from kova.shared.exceptions import GitHubUnavailableError
from kova.shared.repository import RepositoryRef

REPO = "/repos/octo/sample"


@pytest.mark.parametrize("value", [0, 1, 2**63 - 1])
def test_a_number_is_one_that_can_be_stored(value: int) -> None:
    assert shapes.number({"id": value}, "id") == value


@pytest.mark.parametrize("value", [-1, 2**63, 10**30, -(10**30), True, 1.0, "1", None, [1], {}])
def test_another_number_is_no_usable_answer(value: object) -> None:
    with pytest.raises(GitHubUnavailableError, match="no usable id"):
        shapes.number({"id": value}, "id")


@pytest.mark.parametrize("value", [10**30, -5])
async def test_a_repository_with_an_impossible_id_is_none(
    script: Any, connect: Any, repository: RepositoryRef, value: int
) -> None:
    script.json(f"GET {REPO}", {"id": value, "full_name": "octo/sample", "default_branch": "main"})
    client: GitHubClient = connect(script.url)
    with pytest.raises(GitHubUnavailableError):
        await GitHubSource(client).repository(repository)
