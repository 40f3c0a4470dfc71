from __future__ import annotations

import gzip
import io
import itertools
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from kova.adapters.github.auth import FixedToken
from kova.adapters.github.client import GitHubClient
from kova.shared.exceptions import (
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
    InvalidInputError,
    NotConfiguredError,
    RepositoryNotFoundError,
)
from kova.shared.repository import RepositoryRef

Connect = Callable[..., GitHubClient]
REPO = "/repos/octo/sample"
PULL = {"title": "t", "head": "kova/x", "base": "main"}


async def test_a_get_is_tried_again_after_an_error_of_the_server(
    script: Any, connect: Connect, repository: RepositoryRef, waits: list[float]
) -> None:
    script.json(REPO, {"message": "Bad gateway"}, status=502)
    script.raw(REPO, b'{"cut', content_length="5000")
    script.json(REPO, {"id": 1})

    assert await connect(script.url).get(repository, "") == {"id": 1}
    assert waits == [0.25, 0.5]


async def test_a_get_gives_up_after_three_attempts(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    script.raw(REPO, b"<h1>Unicorn!</h1>", status=503, content_type="text/html")

    with pytest.raises(GitHubUnavailableError):
        await connect(script.url).get(repository, "")
    assert len(script.requests) == 3


async def test_a_write_that_may_have_been_carried_out_is_not_sent_again(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    script.json(f"{REPO}/pulls", {"message": "Bad gateway"}, status=502)

    with pytest.raises(GitHubUnavailableError):
        await connect(script.url).write("POST", repository, "/pulls", PULL)
    assert len(script.requests) == 1


async def test_an_operation_is_repeated_when_its_write_failed_but_not_when_its_read_did(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    script.json(f"{REPO}/pulls", {"message": "Bad gateway"}, status=502)
    client = connect(script.url)

    with pytest.raises(GitHubUnavailableError):
        await client.retry_idempotent(lambda: client.write("POST", repository, "/pulls", PULL))
    assert len(script.requests) == 3
    with pytest.raises(GitHubUnavailableError):
        await client.retry_idempotent(lambda: client.get(repository, "/pulls"))
    assert len(script.requests) == 6


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"<html></html>", b""])
async def test_what_is_no_object_is_githubs_failure(
    script: Any, connect: Connect, repository: RepositoryRef, body: bytes
) -> None:
    script.raw(REPO, body)

    with pytest.raises(GitHubUnavailableError):
        await connect(script.url).get(repository, "")


async def test_an_answer_has_a_largest_size_also_after_decompression(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    script.raw(REPO, gzip.compress(b" " * 1_000_000), content_encoding="gzip")

    with pytest.raises(GitHubRefusedError, match="too large"):
        await connect(script.url).get(repository, "", limit=100_000)
    assert len(script.requests) == 1


async def test_a_renamed_repository_is_followed_with_the_token(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    script.json(REPO, {}, status=301, location=f"{script.url}/repositories/5")
    script.json("/repositories/5", {"id": 5})

    assert await connect(script.url).get(repository, "") == {"id": 5}
    assert script.requests[1][2]["authorization"] == "Bearer fixed-token"


async def test_the_token_stays_with_its_origin(
    serve_script: Callable[[], Any], connect: Connect, repository: RepositoryRef
) -> None:
    github, files = serve_script(), serve_script()
    github.raw(f"{REPO}/tarball/x", status=302, location=f"{files.url}/archive?ticket=1")
    files.raw("/archive?ticket=1", b"bytes", content_type="application/x-gzip")
    sink = io.BytesIO()

    await connect(github.url).file(repository, "/tarball/x", sink, limit=100)

    assert sink.getvalue() == b"bytes"
    assert github.requests[0][2]["authorization"] == "Bearer fixed-token"
    assert "authorization" not in files.requests[0][2]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://a/b", "//", "http://u:p@h/"])
async def test_an_unsafe_redirect_is_refused(
    script: Any, connect: Connect, repository: RepositoryRef, location: str
) -> None:
    script.raw(f"{REPO}/tarball/x", status=302, location=location)

    with pytest.raises((GitHubRefusedError, GitHubUnavailableError)):
        await connect(script.url).file(repository, "/tarball/x", io.BytesIO(), limit=100)


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "10.0.0.1", "[::1]", "[fe80::1]", "localhost", "0x7f.1"),
        *("2130706433", "127.2", "127.0.0.2."),
    ],
)
async def test_a_redirect_to_an_address_inside_is_refused(
    script: Any, connect: Connect, repository: RepositoryRef, host: str
) -> None:
    """A GitHub that somebody has taken over asks for nothing in Kova's own network."""
    script.raw(f"{REPO}/tarball/x", status=302, location=f"http://{host}/latest/meta-data")

    with pytest.raises(GitHubRefusedError, match="inside"):
        await connect(script.url).file(repository, "/tarball/x", io.BytesIO(), limit=100)


async def test_redirects_end(script: Any, connect: Connect, repository: RepositoryRef) -> None:
    script.json(REPO, {}, status=301, location=f"{script.url}{REPO}")

    with pytest.raises(GitHubRefusedError, match="too often"):
        await connect(script.url).get(repository, "")


async def test_a_write_is_never_redirected_to_another_host(
    serve_script: Callable[[], Any], connect: Connect, repository: RepositoryRef
) -> None:
    github, other_host = serve_script(), serve_script()
    github.json(f"{REPO}/pulls", {}, status=307, location=f"{other_host.url}/pulls")

    with pytest.raises(GitHubRefusedError):
        await connect(github.url).write("POST", repository, "/pulls", PULL)
    assert other_host.requests == []


async def test_pages_are_followed_only_on_the_same_host(
    serve_script: Callable[[], Any], connect: Connect, repository: RepositoryRef
) -> None:
    github, other_host = serve_script(), serve_script()
    path = f"{REPO}/pulls?per_page=100"
    github.json(path, [{"n": 1}], link=f'<{github.url}{REPO}/pulls?page=2>; rel="next"')
    github.json(f"{REPO}/pulls?page=2", [{"n": 2}], link=f'<{other_host.url}/x>; rel="next"')

    pages = connect(github.url).pages(repository, "/pulls")
    assert [await anext(pages), await anext(pages)] == [{"n": 1}, {"n": 2}]
    with pytest.raises(GitHubUnavailableError):
        await anext(pages)
    assert other_host.requests == []


async def test_a_file_has_a_largest_size(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    script.raw(f"{REPO}/tarball/x", b"x" * 1_000, content_type="application/x-gzip")

    with pytest.raises(GitHubRefusedError, match="too large"):
        await connect(script.url).file(repository, "/tarball/x", io.BytesIO(), limit=999)


async def test_a_file_that_was_cut_is_fetched_again_from_the_start(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    script.raw(f"{REPO}/tarball/x", b"par", content_length="600")
    script.raw(f"{REPO}/tarball/x", b"whole")
    sink = io.BytesIO()

    await connect(script.url).file(repository, "/tarball/x", sink, limit=999)

    assert sink.getvalue() == b"whole"


async def test_a_name_that_is_no_repository_never_reaches_an_address(
    script: Any, connect: Connect
) -> None:
    with pytest.raises(InvalidInputError):
        await connect(script.url).get(RepositoryRef(full_name="octo/../../app"), "")
    assert script.requests == []


async def test_what_github_does_not_show_is_not_found(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    with pytest.raises(RepositoryNotFoundError):
        await connect(script.url).get(repository, "")


async def test_a_refused_fixed_token_is_not_tried_twice(
    script: Any, connect: Connect, repository: RepositoryRef
) -> None:
    script.json(REPO, {"message": "Bad credentials"}, status=401)

    with pytest.raises(GitHubRefusedError, match="Bad credentials"):
        await connect(script.url).get(repository, "")
    assert len(script.requests) == 1


@pytest.mark.parametrize("token", ["", " ", "a\nb", "tök"])
def test_a_fixed_token_must_fit_a_header(token: str) -> None:
    with pytest.raises(NotConfiguredError):
        FixedToken(token)


async def test_nobody_listening_is_unavailable(connect: Connect, repository: RepositoryRef) -> None:
    with pytest.raises(GitHubUnavailableError):
        await connect("http://127.0.0.1:9").get(repository, "")


async def test_a_short_rate_limit_is_waited_for_also_by_a_write(
    script: Any, connect: Connect, repository: RepositoryRef, waits: list[float]
) -> None:
    script.json(f"{REPO}/pulls", {"message": "slow down"}, status=429, retry_after="3")
    script.json(f"{REPO}/pulls", {"number": 1}, status=201)

    assert await connect(script.url).write("POST", repository, "/pulls", PULL) == {"number": 1}
    assert waits == [3.0]


async def test_a_long_rate_limit_is_left_to_the_queue(
    script: Any, connect: Connect, repository: RepositoryRef, waits: list[float]
) -> None:
    script.json(REPO, {"message": "secondary rate limit"}, status=403, retry_after="60")

    with pytest.raises(GitHubRateLimitedError) as caught:
        await connect(script.url).get(repository, "")
    assert caught.value.data["retry_after"] == 60.0
    assert waits == []


async def test_a_github_that_does_not_answer_in_time_is_unavailable(
    connect: Connect, repository: RepositoryRef, http: httpx.AsyncClient
) -> None:
    http.timeout = httpx.Timeout(0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(GitHubUnavailableError) as caught:
            await client.get(repository, "")
    assert caught.value.data["cause"] == "ReadTimeout"


async def test_retries_end_with_their_time(
    script: Any, http: httpx.AsyncClient, repository: RepositoryRef
) -> None:
    script.json(REPO, {"message": "Bad gateway"}, status=502)
    hours = itertools.count(0.0, 3_600.0)
    client = GitHubClient(
        base_url=script.url, tokens=FixedToken("t"), http=http, clock=lambda: next(hours)
    )

    with pytest.raises(GitHubUnavailableError):
        await client.get(repository, "")
    assert len(script.requests) == 1
