"""Where a GitHub that was taken over sends Kova, how long it keeps it, and what it packs for it."""

from __future__ import annotations

import asyncio
import gzip
import io
import tarfile
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kova.adapters.github import transport
from kova.adapters.github.archive import Unpacked, Unpacker
from kova.adapters.github.auth import AppTokens, FixedToken
from kova.adapters.github.client import PAGES, GitHubClient
from kova.adapters.github.deliveries import HookDeliveries
from kova.adapters.github.installations import AppInstallations
from kova.adapters.github.user_access import GitHubAccess
from kova.shared.exceptions import (
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
    KovaError,
)
from kova.shared.owners import EVERY_OWNER
from kova.shared.repository import RepositoryRef
from kova_fakes.github.apps import new_key
from tests.github.conftest import ScriptedServer
from tests.github.conftest import connect as connect  # noqa: PLC0414 (a fixture)
from tests.github.conftest import http as http  # noqa: PLC0414
from tests.github.conftest import repository as repository  # noqa: PLC0414
from tests.github.conftest import script as script  # noqa: PLC0414
from tests.github.conftest import serve_script as serve_script  # noqa: PLC0414
from tests.github.conftest import waits as waits  # noqa: PLC0414
from tests.github.test_archive import member, tarball, tree_file
from tests.github.test_deliveries import ROW, list_all

REPO = "/repos/octo/sample"
API = "https://github.example"
TARBALL = f"{REPO}/tarball/x"
HOOK = {"id": 7, "active": True, "config": {"url": "https://kova.example/webhooks/github"}}
TOKEN = {"token": "ghs_good", "expires_at": "2999-01-01T00:00:00Z"}
Connect = Callable[..., GitHubClient]


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> tuple[GitHubClient, list[str]]:
    """Return a client of a GitHub over TLS that answers so, and the addresses that it asks for."""
    addresses: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        addresses.append(str(request.url))
        return answer(request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(handle), trust_env=False)
    github = GitHubClient(base_url=API, tokens=FixedToken("token"), http=client, sleep=go_on)
    return github, addresses


async def go_on(_: float) -> None:
    """Wait for nothing."""


async def stream(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("http://github.example/archive", id="the-same-host-in-the-clear"),
        pytest.param("http://codeload.github.example/archive", id="a-host-of-its-own-in-the-clear"),
        pytest.param("https://metadata.google.internal/computeMetadata/", id="cloud-metadata"),
        pytest.param("https://kova.localhost/", id="a-name-of-this-machine"),
        pytest.param("https://LOCALHOST./", id="this-machine-in-capitals-with-a-dot"),
        pytest.param("https://host.docker.internal/", id="the-container-s-host"),
        pytest.param("https://postgres.default.svc.cluster.local/", id="a-service-of-the-cluster"),
        pytest.param("https://router.lan./", id="a-device-of-the-network"),
        pytest.param("https://127\u30020\u30020\u30021/", id="dots-of-another-script"),
        pytest.param("https://%31%32%37.0.0.1/", id="digits-as-percent-codes"),
        pytest.param("https://[::ffff:10.0.0.1]/", id="ipv4-in-ipv6"),
        pytest.param("https://[64:ff9b::a00:1]/", id="ipv4-behind-nat64"),
        pytest.param("//metadata.internal/x", id="no-scheme"),
        pytest.param("gopher://github.example/_x", id="gopher"),
        pytest.param("https://api:key@github.example/", id="with-a-password"),
        pytest.param("https://[", id="no-address"),
    ],
)
async def test_no_redirect_leads_inside_or_out_of_tls(
    repository: RepositoryRef, location: str
) -> None:
    client, addresses = answering(lambda _: httpx.Response(302, headers={"location": location}))
    with pytest.raises((GitHubRefusedError, GitHubUnavailableError)):
        await client.file(repository, "/tarball/x", io.BytesIO(), limit=100)
    assert set(addresses) == {API + TARBALL}


async def test_a_host_below_github_s_own_name_sends_archives_inside_of_a_company(
    repository: RepositoryRef,
) -> None:
    """An Enterprise Server stands where no public name leads."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "git.corp":
            return httpx.Response(302, headers={"location": "https://codeload.git.corp/x"})
        assert "authorization" not in request.headers
        return httpx.Response(200, content=stream(b"archive"))

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), trust_env=False)
    github = GitHubClient(base_url="https://git.corp", tokens=FixedToken("t"), http=client)
    sink = io.BytesIO()
    await github.file(repository, "/tarball/x", sink, limit=100)
    assert sink.getvalue() == b"archive"


@pytest.mark.parametrize(
    "link",
    [
        pytest.param('<http://[>; rel="next"', id="no-address"),
        pytest.param('<javascript:alert(1)>; rel="next"', id="script"),
        pytest.param('<file:///etc/passwd>; rel="next"', id="file"),
        pytest.param('<http://169.254.169.254/latest>; rel="next"', id="metadata"),
        pytest.param('<http://{own}@evil.example/x>; rel="next"', id="own-name-as-a-user"),
    ],
)
async def test_a_next_page_elsewhere_is_never_asked_for(
    script: ScriptedServer, connect: Connect, repository: RepositoryRef, link: str
) -> None:
    script.json(f"{REPO}/pulls", [{"n": 1}], link=link.replace("{own}", script.url[7:]))
    pages = connect(script.url).pages(repository, "/pulls")
    assert await anext(pages) == {"n": 1}
    with pytest.raises(GitHubUnavailableError):
        await anext(pages)
    assert len(script.requests) == 1


async def test_pages_that_lead_to_themselves_end(
    script: ScriptedServer, connect: Connect, repository: RepositoryRef
) -> None:
    script.json(f"{REPO}/pulls", [{}], link=f'<{script.url}{REPO}/pulls?page=1>; rel="next"')
    rows = [row async for row in connect(script.url).pages(repository, "/pulls")]
    assert len(rows) == PAGES
    assert len(script.requests) <= PAGES + 1


@pytest.fixture
def app(script: ScriptedServer, http: httpx.AsyncClient) -> AppInstallations:
    tokens = AppTokens(app_id="1", private_key=new_key())
    script.json("POST /app/installations/3/access_tokens", TOKEN, status=201)
    return AppInstallations(base_url=script.url, tokens=tokens, http=http, owners=EVERY_OWNER)


async def test_an_installation_without_end_is_an_outage(
    script: ScriptedServer, app: AppInstallations
) -> None:
    following = f'<{script.url}/installation/repositories?page=1>; rel="next"'
    script.json("/installation/repositories", {"repositories": []}, link=following)
    with pytest.raises(GitHubUnavailableError, match="no end"):
        await app.installed(3)
    assert len(script.requests) <= 102


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"token": "ghs_a\r\nx-evil: 1"}, id="token-begins-a-header"),
        pytest.param({"token": "ghs a"}, id="token-with-a-space"),
        pytest.param({"token": "t" * 5_000}, id="token-of-5000-letters"),
        pytest.param({"token": {"a": 1}}, id="token-is-an-object"),
        pytest.param({"expires_at": "tomorrow"}, id="ends-tomorrow"),
        pytest.param({"expires_at": 4_000_000_000}, id="ends-at-a-number"),
    ],
)
async def test_a_token_that_cannot_be_used_is_an_outage_and_goes_nowhere(
    script: ScriptedServer, app: AppInstallations, odd: dict[str, Any]
) -> None:
    script.answers.clear()
    script.json("POST /app/installations/3/access_tokens", TOKEN | odd, status=201)
    with pytest.raises(GitHubUnavailableError):
        await app.installed(3)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://[/webhooks/github", id="no-address"),
        pytest.param(["/webhooks/github"], id="a-list"),
        pytest.param("https://evil.example/webhooks/github/x", id="only-in-the-middle"),
    ],
)
async def test_an_odd_webhook_keeps_no_other_from_being_swept(
    script: ScriptedServer, http: httpx.AsyncClient, url: object
) -> None:
    script.json(f"{REPO}/hooks", [{"id": 6, "active": True, "config": {"url": url}}, HOOK])
    log = HookDeliveries(
        base_url=script.url, token=FixedToken("t"), repositories=["octo/sample"], http=http
    )
    assert await log.sources() == ["repos/octo/sample/hooks/7"]


@pytest.mark.parametrize("status", [True, "200", 10**30, -200, [200]])
async def test_a_delivery_counts_as_taken_by_a_status_of_http_alone(
    script: ScriptedServer, http: httpx.AsyncClient, status: object
) -> None:
    script.json("/app/hook/deliveries", [ROW | {"status_code": status}])
    log = HookDeliveries(base_url=script.url, token=FixedToken("t"), repositories=[], http=http)
    (attempt,) = await list_all(log, "app/hook")
    assert (attempt.status_code, attempt.accepted) == (0, False)


async def test_a_person_s_name_can_be_shown_and_no_name_of_a_repository_means_all(
    script: ScriptedServer, http: httpx.AsyncClient
) -> None:
    access = GitHubAccess(api_url=script.url, owners=EVERY_OWNER, http=http)
    script.json("/user", {"login": "ann", "name": "Ann \ud800\0"})
    script.json("/user/installations", {"installations": [{"id": 3}]})
    rows = [{"full_name": "octo/sample", "permissions": {"push": True}}]
    script.json("/user/installations/3/repositories", {"repositories": rows})
    identity = await access.read_identity("token")
    assert identity.name.encode().decode() == "Ann \ufffd\ufffd"
    assert identity.reach.covers("octo/sample")
    script.answers["/user/installations/3/repositories"].clear()
    script.json(
        "/user/installations/3/repositories",
        {"repositories": [{"full_name": "octo/*", "permissions": {"push": True}}]},
    )
    with pytest.raises(KovaError):
        await access.read_identity("token")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"retry_after": "9" * 5_000}, id="wait-of-5000-digits"),
        pytest.param({"retry_after": "-1"}, id="wait-of-less-than-nothing"),
        pytest.param({"retry_after": "\u0661\u0662"}, id="digits-of-another-script"),
        pytest.param(
            {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "9" * 300}, id="reset-in-no-time"
        ),
    ],
)
async def test_how_long_github_wants_to_be_left_alone_is_a_number(
    repository: RepositoryRef, headers: dict[str, str]
) -> None:
    sent = [(key.replace("_", "-").encode(), text.encode()) for key, text in headers.items()]
    client, addresses = answering(
        lambda _: httpx.Response(429, headers=sent, content=stream(b"{}"))
    )
    with pytest.raises((GitHubRateLimitedError, GitHubUnavailableError)) as caught:
        await client.get(repository, "")
    assert 0 <= float(str(caught.value.data.get("retry_after", 0))) < 10**12
    assert len(addresses) <= 3


async def drip() -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    while True:
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn
        yield b" "


async def test_an_answer_that_comes_byte_by_byte_ends_with_its_time(
    repository: RepositoryRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "EXCHANGE_SECONDS", 0.02)
    client, _ = answering(lambda _: httpx.Response(200, content=drip()))
    with pytest.raises(GitHubUnavailableError) as caught:
        await client.get(repository, "")
    assert caught.value.data["cause"] == "TimeoutError"


def kilobytes(call: Callable[[], object]) -> int:
    """Return the most memory that a call had at once."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak // 1_000


def pax(kind: bytes, **records: str) -> bytes:
    """Return an extended header and its records."""
    body = b"".join(
        next(line for size in range(1, 9) if len(line := f"{len(text) + size} {text}".encode())
             == len(text) + size)
        for text in (f"{key.replace('__', '.')}={value}\n" for key, value in records.items())
    )  # fmt: skip
    return header(kind, len(body)) + body.ljust(-(-len(body) // 512) * 512, b"\0")


def header(kind: bytes, size: int, *, goes_on: bool = False) -> bytes:
    info = tarfile.TarInfo("r/x")
    info.type, info.size = kind, size
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[482] = int(goes_on)
    block[148:155] = b"%06o\0" % (8 * 32 + sum(block[:148]) + sum(block[156:]))
    return bytes(block)


FILE = header(tarfile.REGTYPE, 3) + b"abc".ljust(512, b"\0")


def unpack(folder: Path, archive: bytes, total: int = 1_000_000_000) -> Unpacked:
    unpacker = Unpacker(
        folder=folder,
        files={"x": tree_file("x", b"abc")},
        total_bytes=total,
        deadline=1.0,
        stop=threading.Event(),
        clock=lambda: 0.0,
    )
    return unpacker.run(io.BytesIO(archive))


@pytest.mark.parametrize(
    ("tail", "stopped"),
    [
        pytest.param(header(tarfile.XHDTYPE, 0) * 520, "broken", id="headers-of-headers"),
        pytest.param(header(tarfile.GNUTYPE_LONGNAME, 0) * 520, "broken", id="names-of-names"),
        pytest.param(
            header(tarfile.GNUTYPE_SPARSE, 0, goes_on=True), "broken", id="map-of-holes-is-cut"
        ),
        pytest.param(pax(b"x", size="-512") + FILE, "broken", id="size-leads-back"),
        pytest.param(pax(b"x", GNU__sparse__map="a,b") + FILE, "broken", id="map-of-letters"),
        pytest.param(pax(b"x", size="9" * 19) + FILE, "total_size_limit", id="size-is-ten-exabyte"),
    ],
)
def test_what_stands_before_a_broken_part_of_an_archive_is_written(
    tmp_path: Path, tail: bytes, stopped: str
) -> None:
    result = unpack(tmp_path, gzip.compress(FILE + tail))
    assert (result.written, result.stopped) == ({"x"}, stopped)


def test_global_headers_of_an_archive_are_not_kept(tmp_path: Path) -> None:
    parts = [pax(b"g", **{f"k{number}": "v" * 200_000}) + FILE for number in range(60)]
    archive = gzip.compress(b"".join(parts), 1)
    assert kilobytes(lambda: unpack(tmp_path, archive)) < 4_000


def test_a_second_gzip_member_behind_the_first_is_read_within_the_bounds(tmp_path: Path) -> None:
    archive = tarball(member("r/x", b"abc")) + gzip.compress(b"\0" * 3_000_000, 1)
    result = unpack(tmp_path, archive, total=1_000_000)
    assert (result.written, result.stopped) == ({"x"}, "total_size_limit")
