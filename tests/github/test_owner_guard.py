"""GitHub follows a repository to its new owner; Kova does so only where it works for that owner."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from kova.adapters.github.auth import FixedToken
from kova.adapters.github.client import GitHubClient
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    OwnerNotAllowedError,
)
from kova.shared.owners import EVERY_OWNER, Owners, owners_of
from kova.shared.repository import RepositoryRef

REPO = "/repos/octo/sample"
OCTO = owners_of(["octo", "acme"])
Connect = Callable[..., GitHubClient]


@pytest.fixture
def guarded(http: Any) -> Connect:
    """Build a client that works for some owners; its clock stands still until it is set."""

    def build(url: str, owners: Owners = OCTO, clock: Callable[[], float] = lambda: 0.0) -> Any:
        async def sleep(_seconds: float) -> None:
            return

        return GitHubClient(
            base_url=url,
            tokens=FixedToken("fixed-token"),
            http=http,
            owners=owners,
            sleep=sleep,
            clock=clock,
            jitter=lambda: 0.0,
        )

    return build


def move(script: Any, name: str, path: str = "/pulls", status: int = 301) -> None:
    script.json(f"{REPO}{path}", {}, status=status, location=f"{script.url}/repositories/5{path}")
    script.json("/repositories/5", {"id": 5, "full_name": name})
    script.json(f"/repositories/5{path}", {"n": 1})


async def read(client: GitHubClient, repository: RepositoryRef) -> object:
    return await client.get(repository, "/pulls")


async def write(client: GitHubClient, repository: RepositoryRef) -> object:
    return await client.write(
        "POST", repository, "/pulls", {"title": "a", "head": "b", "base": "main"}
    )


async def download(client: GitHubClient, repository: RepositoryRef) -> object:
    return await client.file(repository, "/pulls", io.BytesIO(), limit=100)


async def list_pages(client: GitHubClient, repository: RepositoryRef) -> object:
    return [row async for row in client.pages(repository, "/pulls")]


CALLS = {
    "read": (read, 301),
    "write": (write, 307),
    "download": (download, 302),
    "pages": (list_pages, 308),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_repository_of_another_owner_is_not_followed(
    script: Any, guarded: Connect, repository: RepositoryRef, call: str
) -> None:
    do, status = CALLS[call]
    move(script, "evil/sample", status=status)
    with pytest.raises(OwnerNotAllowedError):
        await do(guarded(script.url), repository)
    # Only its name was asked for, and nothing was sent to it.
    asked = [path.partition("?")[0] for path in script.paths()]
    assert asked == [f"{REPO}/pulls", "/repositories/5"]


@pytest.mark.parametrize("name", ["octo/renamed", "ACME/sample"])
async def test_a_repository_that_stays_with_an_allowed_owner_is_followed(
    script: Any, guarded: Connect, repository: RepositoryRef, name: str
) -> None:
    move(script, name)
    client = guarded(script.url)
    assert await read(client, repository) == {"n": 1}
    assert await read(client, repository) == {"n": 1}
    assert script.paths().count("/repositories/5") == 1


async def test_what_was_seen_of_a_repository_counts_for_a_minute(
    script: Any, guarded: Connect, repository: RepositoryRef
) -> None:
    moment = 0.0
    move(script, "octo/renamed")
    client = guarded(script.url, clock=lambda: moment)
    await read(client, repository)
    script.answers["/repositories/5"] = []
    script.json("/repositories/5", {"id": 5, "full_name": "evil/sample"})
    moment = 59.0
    await read(client, repository)
    moment = 61.0
    with pytest.raises(OwnerNotAllowedError):
        await read(client, repository)


async def test_without_a_list_of_owners_every_redirect_is_followed_at_once(
    script: Any, guarded: Connect, repository: RepositoryRef
) -> None:
    move(script, "evil/sample")
    assert await read(guarded(script.url, EVERY_OWNER), repository) == {"n": 1}
    assert "/repositories/5" not in script.paths()


async def test_a_name_of_another_owner_is_not_even_asked_for(script: Any, guarded: Connect) -> None:
    with pytest.raises(OwnerNotAllowedError):
        await read(guarded(script.url), RepositoryRef(full_name="evil/sample"))
    assert script.requests == []


async def test_a_redirect_to_a_name_is_judged_by_it(
    script: Any, guarded: Connect, repository: RepositoryRef
) -> None:
    script.json(f"{REPO}/pulls", {}, status=301, location=f"{script.url}/repos/evil/x/pulls")
    with pytest.raises(OwnerNotAllowedError):
        await read(guarded(script.url), repository)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "answer", [{"id": 5}, {"full_name": ""}, {"full_name": 7}, ["evil"], {"full_name": "octo"}]
)
async def test_a_name_that_cannot_be_read_is_no_allowed_one(
    script: Any, guarded: Connect, repository: RepositoryRef, answer: object
) -> None:
    script.json(f"{REPO}/pulls", {}, status=301, location=f"{script.url}/repositories/5/pulls")
    script.json("/repositories/5", answer)
    with pytest.raises((GitHubUnavailableError, OwnerNotAllowedError)):
        await read(guarded(script.url), repository)
    assert "/repositories/5/pulls" not in script.paths()


@pytest.mark.parametrize("place", ["/somewhere/else", "/repositories/x/pulls", "/repos/evil"])
async def test_a_redirect_whose_repository_cannot_be_told_is_refused(
    script: Any, guarded: Connect, repository: RepositoryRef, place: str
) -> None:
    script.json(f"{REPO}/pulls", {}, status=301, location=f"{script.url}{place}")
    script.json(place, {"n": 1})
    with pytest.raises(GitHubRefusedError):
        await read(guarded(script.url), repository)
    assert place not in script.paths()


async def test_below_a_path_of_an_enterprise_server_it_is_the_same(
    script: Any, guarded: Connect, repository: RepositoryRef
) -> None:
    root = f"{script.url}/api/v3"
    script.json(f"/api/v3{REPO}", {}, status=301, location=f"{root}/repositories/5")
    script.json("/api/v3/repositories/5", {"id": 5, "full_name": "evil/sample"})
    with pytest.raises(OwnerNotAllowedError):
        await guarded(root).get(repository, "")


async def test_an_archive_still_comes_from_another_host(
    serve_script: Callable[[], Any], guarded: Connect, repository: RepositoryRef
) -> None:
    github, files = serve_script(), serve_script()
    github.raw(f"{REPO}/tarball/x", status=302, location=f"{files.url}/archive?ticket=1")
    files.raw("/archive?ticket=1", b"bytes", content_type="application/x-gzip")
    sink = io.BytesIO()
    await guarded(github.url).file(repository, "/tarball/x", sink, limit=100)
    assert sink.getvalue() == b"bytes"
