"""On Google Cloud the queues of AWS are used without a key: who a process is becomes credentials."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from moto.server import ThreadedMotoServer

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
