"""A scripted HTTP server for what no GitHub would answer, and clients with no real waiting."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from kova.adapters.github.auth import FixedToken, TokenProvider
from kova.adapters.github.client import GitHubClient
from kova.shared.repository import RepositoryRef
from tests.support.openapi import load_request_check

Answer = tuple[int, dict[str, str], bytes]


class ScriptedServer:
    """Answers by path, or by method and path; a list of answers is used up one by one, its last one for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = ""

    def json(self, path: str, *bodies: Any, status: int = 200, **headers: str) -> None:
        for body in bodies:
            self.raw(path, json.dumps(body).encode(), status=status, **headers)

    def raw(
        self,
        path: str,
        body: bytes = b"",
        *,
        status: int = 200,
        content_type: str = "application/json; charset=utf-8",
        **headers: str,
    ) -> None:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = (status, {"content-type": content_type, **named}, body)
        self.answers.setdefault(path, []).append(answer)

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.requests]

    def sent(self, method: str) -> list[tuple[str, Any]]:
        """Return the paths and JSON bodies of the requests with a method."""
        return [(path, json.loads(body)) for verb, path, _, body in self.requests if verb == method]

    def take(self, method: str, path: str) -> Answer:
        plain = path.partition("?")[0]
        names = (f"{method} {plain}", path, plain)
        answers = next((self.answers[name] for name in names if self.answers.get(name)), None)
        if answers is None:
            return 404, {"content-type": "application/json"}, b'{"message": "Not Found"}'
        return answers.pop(0) if len(answers) > 1 else answers[0]


def _handler(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class ScriptHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, or each answer waits 40 ms for the other

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            script.requests.append((self.command, self.path, headers, body))
            status, sent, content = script.take(self.command, self.path)
            self.send_response(status)
            for key, value in {"content-length": str(len(content)), **sent}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()
            # A promised length that does not come is a cut connection.
            self.close_connection = sent.get("content-length") is not None

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # http.server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its signature
            """Say nothing."""

    return ScriptHandler


@pytest.fixture
def serve_script() -> Iterator[Callable[[], ScriptedServer]]:
    """Start scripted servers, each on an origin of its own."""
    servers: list[ThreadingHTTPServer] = []

    def start() -> ScriptedServer:
        script = ScriptedServer()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
        server.daemon_threads = True
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return script

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def script(
    serve_script: Callable[[], ScriptedServer], request: pytest.FixtureRequest
) -> Iterator[ScriptedServer]:
    """A scripted GitHub; every request to its API is held against GitHub's own description."""
    started = serve_script()
    yield started
    if os.environ.get("KOVA_GITHUB_OPENAPI"):
        complain = load_request_check(os.environ["KOVA_GITHUB_OPENAPI"])
        api = [call for call in started.requests if call[1].startswith(("/repos/", "/app/"))]
        # Webhooks of repositories are left out of the copy that is at hand.
        api = [call for call in api if "/hooks" not in call[1]]
        complaints = {complain(method, path, body) for method, path, _, body in api}
        assert complaints <= {None}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=httpx.Timeout(5.0, read=0.5), trust_env=False) as client:
        yield client


@pytest.fixture
def waits() -> list[float]:
    """The seconds that clients would have slept."""
    return []


@pytest.fixture
def connect(http: httpx.AsyncClient, waits: list[float]) -> Callable[..., GitHubClient]:
    """Build a client for an address; it never really waits."""

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def build(url: str, tokens: TokenProvider | None = None) -> GitHubClient:
        return GitHubClient(
            base_url=url,
            tokens=tokens or FixedToken("fixed-token"),
            http=http,
            sleep=sleep,
            jitter=lambda: 0.0,
        )

    return build


@pytest.fixture
def repository() -> RepositoryRef:
    return RepositoryRef(full_name="octo/sample")


# What one request may look for although the description that is at hand leaves it out.


@pytest.fixture(scope="session")
def complain() -> Callable[[str, str, bytes], str | None]:
    """Say what GitHub's OpenAPI description holds against a request."""
    name = os.environ.get("KOVA_GITHUB_OPENAPI")
    if not name:
        pytest.skip("KOVA_GITHUB_OPENAPI names no OpenAPI description")
    return load_request_check(name)
