"""What GitHub shows now, from the practice GitHub: page after page, and never from a cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from kova.adapters.github.auth import AppTokens
from kova.adapters.github.installations import AppInstallations
from kova.shared.exceptions import (
    GitHubRefusedError,
    OwnerNotAllowedError,
    RepositoryNotFoundError,
)
from kova.shared.owners import EVERY_OWNER, Owners, owners_of
from kova_fakes.github import FakeGitHub, serve_github


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serve_github() as fake:
        fake.state.create_repository("octo/sample", files={"a": b"a"}, private=True)
        yield fake


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def directory(
    github: FakeGitHub, http: httpx.AsyncClient, owners: Owners = EVERY_OWNER
) -> AppInstallations:
    tokens = AppTokens(app_id=github.app_id, private_key=github.private_key_pem)
    return AppInstallations(base_url=github.url, tokens=tokens, http=http, owners=owners)


async def test_a_repository_is_described_as_it_is_at_each_question(
    github: FakeGitHub, http: httpx.AsyncClient
) -> None:
    installations, state = directory(github, http), github.state.repository("octo/sample")
    info = await installations.describe("octo/sample")
    shown = (info.github_id, info.installation_id, info.private, info.archived)
    assert shown == (state.id, github.installation_id, True, False)
    state.archived, state.private = True, False
    github.state.transfer("octo/sample", "acme/renamed")
    info = await installations.describe("octo/sample")
    assert (info.full_name, info.private, info.archived) == ("acme/renamed", False, True)
    state.installed = False
    with pytest.raises(RepositoryNotFoundError):
        await installations.describe("acme/renamed")  # Though everybody sees it.


async def test_an_installation_is_listed_page_after_page(
    github: FakeGitHub, http: httpx.AsyncClient
) -> None:
    for number in range(230):
        github.state.create_repository(f"octo/r{number}", files={"a": b"a"})
    github.state.repository("octo/r7").installed = False
    infos = await directory(github, http).installed(github.installation_id)
    assert len({info.github_id for info in infos}) == 230
    assert "octo/r7" not in {info.full_name for info in infos}


async def test_a_suspended_installation_is_refused_also_with_a_token_of_before(
    github: FakeGitHub, http: httpx.AsyncClient
) -> None:
    installations = directory(github, http)
    await installations.describe("octo/sample")
    github.context.credentials.app.suspended = True
    for question in (
        installations.describe("octo/sample"),
        installations.installed(github.installation_id),
    ):
        with pytest.raises(GitHubRefusedError) as caught:
            await question
        assert caught.value.data["refusal"] == "forbidden"


async def test_an_unknown_installation_is_not_found(
    github: FakeGitHub, http: httpx.AsyncClient
) -> None:
    with pytest.raises(RepositoryNotFoundError):
        await directory(github, http).installed(7)


async def test_repositories_of_others_are_neither_listed_nor_described(
    github: FakeGitHub, http: httpx.AsyncClient
) -> None:
    github.state.create_repository("acme/other", files={"a": b"a"})
    installations = directory(github, http, owners_of(["octo"]))
    infos = await installations.installed(github.installation_id)
    assert [info.full_name for info in infos] == ["octo/sample"]
    with pytest.raises(OwnerNotAllowedError):
        await installations.describe("acme/other")
    github.state.transfer("octo/sample", "acme/sample")
    with pytest.raises(OwnerNotAllowedError):
        await installations.describe("octo/sample")
