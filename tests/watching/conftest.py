"""Prometheus and Alertmanager with the files of deploy/, in a hurry, beside a running Kova."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.eventually import eventually
from tests.support.ports import own_port

DEPLOY = Path("deploy")
TOKEN = "token-of-prometheus"
# Debian calls it otherwise than its makers.
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
HURRY = "1s"

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="Prometheus is not installed"
)
needs_alertmanager = pytest.mark.skipif(
    ALERTMANAGER is None, reason="Alertmanager is not installed"
)


@dataclass
class Prometheus:
    """A running Prometheus, asked over HTTP."""

    address: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query; an answer that is no success fails the test."""
        answer = httpx.get(f"{self.address}/api/v1/query", params={"query": expression}, timeout=60)
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.address}/-/ready", timeout=60).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running(
    command: list[str], log: Path, variables: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=variables)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def run_prometheus(folder: Path, kova: str, alertmanager: str) -> Iterator[Prometheus]:
    """Run Prometheus on the files of deploy/prometheus; only its intervals are shorter.

    Args:
        folder: an empty folder of its own.
        kova: the address of the API.
        alertmanager: host and port of Alertmanager.
    """
    shutil.copytree(DEPLOY / "prometheus", folder / "prometheus")
    files = folder / "prometheus"
    config = yaml.safe_load((files / "prometheus.yml").read_text())
    config["global"] = dict.fromkeys(config["global"], HURRY)
    (files / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{own_port()}"
    targets = {
        "kova": kova.removeprefix("http://"),
        "alertmanager": alertmanager,
        "prometheus": address,
    }
    for name, target in targets.items():
        (files / f"targets/{name}.yml").write_text(yaml.safe_dump([{"targets": [target]}]))
    (files / "secrets").mkdir()
    (files / "secrets/metrics-token").write_text(TOKEN)
    command = [
        "prometheus",
        f"--config.file={files}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address={address}",
    ]
    log = folder / "prometheus.log"
    with running(command, log):
        prometheus = Prometheus(f"http://{address}")
        eventually(prometheus.is_ready, 60, otherwise=log.read_text)
        yield prometheus


@contextmanager
def run_alertmanager(folder: Path, slack: str) -> Iterator[str]:
    """Run Alertmanager on the files of deploy/alertmanager, and yield its host and port."""
    assert ALERTMANAGER is not None
    files = folder / "alertmanager"
    shutil.copytree(DEPLOY / "alertmanager", files)
    config = yaml.safe_load((files / "alertmanager.yml").read_text())
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": HURRY, "group_interval": HURRY}
    (folder / "slack-webhook").write_text(slack)
    config["global"]["slack_api_url_file"] = str(folder / "slack-webhook")
    (files / "alertmanager.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{own_port()}"
    command = [
        ALERTMANAGER,
        f"--config.file={files}/alertmanager.yml",
        f"--storage.path={folder}/alertmanager-data",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running(command, folder / "alertmanager.log"):
        yield address
