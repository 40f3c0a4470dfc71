"""Answers of GitHub that are mutated on their way, while pushes are scanned and fixes offered."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from kova.adapters.github.auth import AppTokens
from kova.adapters.github.client import GitHubClient
from kova.scans.message import ScanJob
from kova.shared.exceptions import KovaError
from kova.shared.run_job import Receipt, SettledError
from kova_fakes.github import serve_github
from tests.fuzz.doors import Door, FuzzError
from tests.fuzz.mutate import encode, mutate_bytes, mutate_json
from tests.support.push_desk import PushDesk

_SHARE: Final = 0.35  # Of the answers; the others let a scan come further.
_TEXTS: Final = (
    "def f():\n    BAD(x)\n",
    "def f():\n    (x)\n",
    "def f():\n    BAD(y)\n    BAD(z)\n",
)
_STATUSES: Final = (200, 201, 204, 301, 302, 304, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503)
_HEADERS: Final = {
    "link": (
        '<{url}?page=2>; rel="next"',
        "<",
        '<http://169.254.169.254/>; rel="next"',
        "x" * 9000,
    ),
    "retry-after": ("-1", "1e9", "soon", "999999999999"),
    "x-ratelimit-reset": ("0", "-5", "x", "99999999999999999999"),
    "x-ratelimit-remaining": ("0", "x"),
    "content-type": ("text/html", "", "application/json; charset=utf-16"),
    "location": ("http://127.0.0.1:1/", "//evil.example/", "{url}", "file:///etc/passwd", ""),
    "date": ("yesterday", "Mon, 30 Nov 1600 00:00:00 GMT"),
}


class MutatingTransport(httpx.AsyncBaseTransport):
    """Passes requests on to the practice GitHub, and changes a share of its answers."""

    def __init__(self) -> None:
        self.random = random.Random(0)
        self.mutated = 0
        self.is_on = True
        self.last_body = b""
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if not self.is_on or self.random.random() > _SHARE:
            return response
        body = await response.aread()
        await response.aclose()
        self.mutated += 1
        return self._mutate(request, response, body)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _mutate(
        self, request: httpx.Request, response: httpx.Response, body: bytes
    ) -> httpx.Response:
        headers = {
            name: value
            for name, value in response.headers.items()
            if name not in {"content-length", "transfer-encoding"}
        }
        status, kind = response.status_code, self.random.random()
        if kind < 0.6 and headers.get("content-type", "").startswith("application/json"):
            body = encode(mutate_json(self.random, httpx.Response(200, content=body).json()))
        elif kind < 0.75:
            body = mutate_bytes(self.random, body)
        elif kind < 0.9:
            status = self.random.choice(_STATUSES)
        else:
            name = self.random.choice(list(_HEADERS))
            headers[name] = self.random.choice(_HEADERS[name]).replace("{url}", str(request.url))
        self.last_body = body
        return httpx.Response(status, headers=headers, content=body, request=request)


class _JudgedJob:
    """The scan job; what it fails with has to be an error with a name."""

    def __init__(self, desk: PushDesk, transport: MutatingTransport) -> None:
        self._job = desk.new_job()
        self._transport = transport
        self.reason = "succeeded"
        self.fault: FuzzError | None = None

    async def scan(self, job: ScanJob, receipt: Receipt) -> str | None:
        try:
            return await self._job.scan(job, receipt)
        except SettledError as exc:
            cause = exc.__cause__
            if not isinstance(cause, KovaError):
                body = self._transport.last_body
                self.fault = FuzzError(f"raised {cause!r}", body)
                self.fault.__cause__ = cause
            else:
                self.reason = cause.reason
            raise


@asynccontextmanager
async def answer_door(database_url: str) -> AsyncIterator[tuple[Door, MutatingTransport]]:
    """Open the door: the real scan job over a real Postgres; one call is a push and an attempt."""
    transport = MutatingTransport()
    with serve_github() as github:
        tokens = AppTokens(app_id=github.app_id, private_key=github.private_key_pem)
        http = httpx.AsyncClient(transport=transport, timeout=10)
        client = GitHubClient(base_url=github.url, tokens=tokens, http=http, sleep=_wait_not)
        desk = PushDesk(github, database_url, client=client)
        try:
            transport.is_on = False
            desk.deliver(desk.create(a=_TEXTS[0]))
            await desk.work()
            yield _scan_door(desk, transport), transport
            await _judge_end(desk, transport)
        finally:
            await http.aclose()
            await desk.close()


async def _wait_not(_: float) -> None:
    """Waiting between attempts takes no time here."""


def _scan_door(desk: PushDesk, transport: MutatingTransport) -> Door:
    async def push_and_scan(random_: random.Random) -> str:
        transport.random, transport.is_on = random_, True
        desk.deliver(desk.push(a=random_.choice(_TEXTS), b=random_.choice(_TEXTS)))
        job = _JudgedJob(desk, transport)
        await desk.work_one(job)  # type: ignore[arg-type]
        if job.fault is not None:
            raise job.fault
        return job.reason

    return push_and_scan


async def _judge_end(desk: PushDesk, transport: MutatingTransport) -> None:
    """After all of it a push is scanned as ever, and nothing of the lies is kept."""
    transport.is_on = False
    desk.deliver(desk.push(a=_TEXTS[2], b=_TEXTS[0]))
    await desk.work()
    if await desk.open_errors() != desk.true_errors():
        raise FuzzError(f"{await desk.open_errors()} are open, {desk.true_errors()} are there", b"")
