"""What the tests of the embedded stack share: an SQS of each kind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.support.eventually import eventually
from tests.support.moto import serve_aws
from tests.support.ports import own_port

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def sqs_client(endpoint: str) -> SQSClient:
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
    )


@dataclass
class LocalSqs:
    """Our server in a process of its own, so that it can be killed."""

    folder: Path
    port: int = field(default_factory=own_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "kova_server.embedded.sqs", "--port", str(self.port)]
        self.process = subprocess.Popen([*command, "--data", str(self.folder)], env=os.environ)
        eventually(self._is_ready)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def _is_ready(self) -> bool:
        try:
            httpx.post(f"{self.endpoint}/", timeout=1)
        except httpx.TransportError:
            return False
        return True


@pytest.fixture(scope="module")
def local_sqs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSqs]:
    server = LocalSqs(tmp_path_factory.mktemp("sqs"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    with serve_aws() as url:
        yield url
