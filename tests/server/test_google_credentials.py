"""On Google Cloud the queues of AWS are used without a key: who a process is becomes credentials."""

from __future__ import annotations

import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from moto.server import ThreadedMotoServer

from kova_server.google_credentials import LIMIT, read_identity

CONFIG = Path("server/kova_server/google_credentials.ini").absolute()
ROLE = "arn:aws:iam::123456789012:role/kova-worker"
TOKEN = "header.payload.signature"
LIST = """
from kova.adapters.sqs import sqs_client
client = sqs_client()
client.list_queues()
print(client._request_signer._credentials.method, client._request_signer._credentials.token)
"""


class MetadataServer(HTTPServer):
    """Google's metadata server, as far as it says who a process is."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.audiences: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: MetadataServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        known = parts.path.endswith("/service-accounts/default/identity")
        if not known or self.headers["Metadata-Flavor"] != "Google":
            self.send_error(403)
            return
        self.server.audiences += parse_qs(parts.query)["audience"]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(TOKEN.encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def metadata() -> Iterator[MetadataServer]:
    server = MetadataServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The address of an AWS that knows STS and SQS."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def run(aws: str, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a process that is given no keys of AWS."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KOVA_"))
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"AWS_ENDPOINT_URL": aws, "AWS_DEFAULT_REGION": "us-east-1", "PATH": path}
    return subprocess.run(
        [sys.executable, *command],
        env=kept | own | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_client_of_aws_gets_credentials_by_the_service_account(
    aws: str, metadata: MetadataServer
) -> None:
    variables = {
        "AWS_CONFIG_FILE": str(CONFIG),
        "AWS_ROLE_ARN": ROLE,
        "GCE_METADATA_HOST": f"127.0.0.1:{metadata.server_port}",
    }
    process = run(aws, "-c", LIST, **variables)
    assert process.returncode == 0, process.stderr
    method, token = process.stdout.split()
    assert method == "custom-process"
    assert token != "None"
    assert metadata.audiences == ["kova"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "AWS_ROLE_ARN is missing."),
        ({"AWS_ROLE_ARN": ROLE, "GCE_METADATA_HOST": "127.0.0.1:1"}, "no credentials of AWS"),
    ],
)
def test_a_failure_is_one_line(
    aws: str, metadata: MetadataServer, variables: dict[str, str], message: str
) -> None:
    host = {"GCE_METADATA_HOST": f"127.0.0.1:{metadata.server_port}"}
    process = run(aws, "-m", "kova_server.google_credentials", **{**host, **variables})
    assert (process.returncode, process.stdout) == (1, "")
    assert message in process.stderr
    assert len(process.stderr.splitlines()) == 1


@contextmanager
def answering(*parts: bytes) -> Iterator[str]:
    """Yield the address of a server that sends these bytes, and DRIP for ever if it is the last."""
    over = threading.Event()

    class Sender(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline() != b"\r\n":
                pass
            for part in parts:
                self.wfile.write(part)
            while parts[-1] == DRIP and not over.wait(0.05):
                self.wfile.write(DRIP)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sender) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        over.set()
        server.shutdown()
        thread.join()


DRIP = b"a"
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("start", [OK + b"\r\n", OK + b"Name: "], ids=["body", "header"])
def test_an_answer_that_drips_ends_at_the_deadline(start: bytes) -> None:
    begin = time.monotonic()
    with (
        answering(start, DRIP) as host,
        pytest.raises(TimeoutError, match="does not answer within"),
    ):
        read_identity(host, seconds=0.5)
    assert time.monotonic() - begin < 20


def test_an_answer_of_any_length_is_not_read_whole() -> None:
    with answering(OK + b"\r\n", b"a" * LIMIT) as host:
        assert len(read_identity(host)) == LIMIT
    long = pytest.raises(OSError, match=f"more than {LIMIT} bytes")
    with answering(OK + b"\r\n", b"a" * (LIMIT + 1)) as host, long:
        read_identity(host)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (OK + b"Content-Length: 100\r\n\r\nshort", "IncompleteRead(5 bytes"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0"),
        (OK + b"Content-Length: 2\r\n\r\n\xff\xfe", "can't decode byte"),
        (OK + b"Content-Length: 0\r\n\r\n", "empty"),
    ],
)
def test_an_answer_that_is_no_token_is_one_line(aws: str, answer: bytes, message: str) -> None:
    with answering(answer) as host:
        variables = {"GCE_METADATA_HOST": host, "AWS_ROLE_ARN": ROLE}
        process = run(aws, "-m", "kova_server.google_credentials", **variables)
    assert (process.returncode, process.stdout) == (1, "")
    assert message in process.stderr
    assert len(process.stderr.splitlines()) == 1


def test_the_token_is_not_asked_for_by_a_proxy(
    metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert read_identity(f"127.0.0.1:{metadata.server_port}") == TOKEN


def test_without_a_role_no_token_is_asked_for(aws: str, metadata: MetadataServer) -> None:
    host = {"GCE_METADATA_HOST": f"127.0.0.1:{metadata.server_port}"}
    process = run(aws, "-m", "kova_server.google_credentials", **host)
    assert (process.returncode, process.stderr) == (1, "AWS_ROLE_ARN is missing.\n")
    assert metadata.audiences == []
