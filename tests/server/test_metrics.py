"""GET /metrics tells the sums of all processes, also of those that are gone."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kova_fakes.github import FakeGitHub
from kova_server.embedded.valkey import Valkey
from tests.server.conftest import Kova, run_kova
from tests.support.eventually import eventually
from tests.support.ports import own_port

REQUESTS = "kova_http_requests_total"


@dataclass
class OwnValkey:
    """A Valkey of one test: what other tests count is not in it, and it can be stopped."""

    process: subprocess.Popen[bytes]
    url: str


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    server = Valkey(folder=tmp_path / "valkey", port=own_port())
    service = server.service()
    service.prepare()
    with (tmp_path / "valkey.log").open("wb") as log:
        process = subprocess.Popen(service.command, stdout=log, stderr=log)
    try:
        eventually(service.is_ready)
        yield OwnValkey(process, server.url)
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


@pytest.fixture
def kova(
    tmp_path: Path, database_url: str, github: FakeGitHub, valkey: OwnValkey
) -> Iterator[Kova]:
    with run_kova(tmp_path, database_url, github, KOVA_REDIS_URL=valkey.url) as product:
        yield product


def read_metrics(kova: Kova, address: str) -> str:
    answer = kova.stranger.get(f"{address}/metrics", headers={"X-API-Key": kova.key}, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text


def sum_samples(text: str, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_totals_are_exact_over_processes_of_which_one_is_killed(kova: Kova) -> None:
    second = kova.start_server()
    addresses = [kova.address, second]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: kova.stranger.get(f"{addresses[n % 2]}/api/none-{n}"), range(200)))
    # Counts reach Redis within a second or so; only then is the process killed.
    eventually(lambda: sum_samples(read_metrics(kova, kova.address), REQUESTS, status="404") == 200)
    kova.servers[1].kill()
    kova.servers[1].wait()
    third = kova.start_server()
    for number in range(50):
        kova.stranger.get(f"{third}/nothing/{number}")

    def count_missing(address: str) -> float:
        return sum_samples(read_metrics(kova, address), REQUESTS, status="404")

    eventually(lambda: count_missing(kova.address) == 250)
    eventually(lambda: count_missing(third) == 250)
    text = read_metrics(kova, kova.address)
    # Whatever was asked for, the paths are not labels.
    assert sum_samples(text, REQUESTS, status="404", route="none") == 250
    assert sum_samples(text, "kova_http_request_duration_seconds_count", route="none") == 250
    assert (
        sum_samples(text, "kova_http_request_duration_seconds_bucket", route="none", le="+Inf")
        == 250
    )


def test_a_scan_is_counted_by_the_worker_and_seen_at_the_server(kova: Kova) -> None:
    kova.start_worker()
    kova.push("octo/sample", {"a.py": b"def f(x):\n    return x is 'a'\n"})
    kova.wait_for_scans(1)
    outcome = {"trigger": "push", "outcome": "succeeded"}
    eventually(
        lambda: sum_samples(read_metrics(kova, kova.address), "kova_scans_total", **outcome) == 1
    )
    text = read_metrics(kova, kova.address)
    assert sum_samples(text, "kova_deliveries_total", event="push", outcome="queued") == 1
    assert sum_samples(text, "kova_fixes_total", strategy="deterministic", outcome="verified") == 1
    assert sum_samples(text, "kova_scan_duration_seconds_count", trigger="push") == 1
    assert sum_samples(text, "kova_open_errors", severity="high") == 1
    assert sum_samples(text, "kova_queue_messages", queue="scan", state="visible") == 0
    assert sum_samples(text, "kova_metrics_common") == 1
    assert sum_samples(text, "kova_scrape_failed") == 0


def test_what_is_counted_while_redis_is_away_is_not_lost(kova: Kova, valkey: OwnValkey) -> None:
    valkey.process.send_signal(signal.SIGSTOP)
    for number in range(20):
        kova.stranger.get(f"{kova.address}/gone/{number}", timeout=10)
    assert sum_samples(read_metrics(kova, kova.address), "kova_metrics_common") == 0
    valkey.process.send_signal(signal.SIGCONT)
    eventually(lambda: sum_samples(read_metrics(kova, kova.address), "kova_metrics_common") == 1)
    eventually(lambda: sum_samples(read_metrics(kova, kova.address), REQUESTS, status="404") == 20)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_wrong_with_the_page(kova: Kova) -> None:
    httpx.get(f"{kova.address}/health")
    process = subprocess.run(
        ["promtool", "check", "metrics"],
        input=read_metrics(kova, kova.address),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stdout + process.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")
def test_prometheus_scrapes_two_servers_and_both_tell_the_total(kova: Kova, tmp_path: Path) -> None:
    addresses = [kova.address, kova.start_server()]
    for number in range(60):
        kova.stranger.get(f"{addresses[number % 2]}/nothing/{number}")
    targets = ", ".join(address.removeprefix("http://") for address in addresses)
    port = own_port()
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"- {{job_name: kova, authorization: {{credentials: {kova.key}}},\n"
        f"   static_configs: [{{targets: [{targets}]}}]}}\n"
    )
    with (tmp_path / "prometheus.log").open("wb") as log:
        prometheus = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/tsdb",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )

    def totals() -> list[float]:
        query = f'sum by (instance) ({REQUESTS}{{status="404"}})'
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query})
        except httpx.TransportError:
            return []
        if answer.status_code != 200:
            return []
        return [float(sample["value"][1]) for sample in json.loads(answer.text)["data"]["result"]]

    try:
        eventually(lambda: totals() == [60.0, 60.0], 40)
    finally:
        prometheus.terminate()
        prometheus.wait(timeout=30)
