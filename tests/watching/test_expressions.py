"""Every expression of a dashboard or an alert is true of a Kova that runs under load.

A panel must return data. An alert's expression is empty while all is well, so each selector in it
must return data. What is empty for a reason stands in a table with it, and must be empty.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import boto3
import httpx
import pytest

from kova_fakes.anthropic.server import FakeAnthropic, serve_anthropic
from kova_fakes.github import Fault, serve_github
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI, serve_openai
from kova_server.embedded.valkey import Valkey
from tests.checks.promql import selectors_of
from tests.checks.watching import expressions_of_boards, read_rules
from tests.conftest import fresh_database
from tests.server.conftest import Kova, run_kova
from tests.support.eventually import eventually
from tests.support.ports import own_port
from tests.watching.conftest import TOKEN, Prometheus, needs_prometheus, run_prometheus

# Selectors without data in this test, and why that is right.
NOTHING = {
    'kova_scans_total{outcome="failed"}': "a failure is tried again for twenty minutes at least",
    'kova_deliveries_refused_total{reason=~"queue_unavailable|not_configured"}': (
        "the queue is there, and the webhook's secret is configured"
    ),
}
# Panels without data in this test, by a piece of their expression.
EMPTY_PANELS = {
    "kova_ai_breaker_changes_total": "a breaker opens after several failures in a row, not after one",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watching")


@pytest.fixture(scope="module")
def redis_of_its_own(folder: Path) -> Iterator[str]:
    """Its memory has a limit, and no other test counts in it."""
    server = Valkey(folder=folder / "valkey", port=own_port())
    service = server.service()
    service.prepare()
    with (folder / "valkey.log").open("wb") as log:
        process = subprocess.Popen(service.command, stdout=log, stderr=log)
    try:
        eventually(service.is_ready)
        yield server.url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def prometheus(folder: Path, redis_of_its_own: str) -> Iterator[Prometheus]:
    """A Prometheus that scrapes a Kova which has done a bit of everything."""
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database())
        github = stack.enter_context(serve_github())
        gpt, claude = stack.enter_context(serve_openai()), stack.enter_context(serve_anthropic())
        settings = {
            "KOVA_REDIS_URL": redis_of_its_own,
            "KOVA_METRICS_TOKEN": TOKEN,
            "KOVA_MONTHLY_BUDGET_USD": "100",
            "KOVA_SCAN_RATE_LIMIT_PER_MINUTE": "1",
            "OPENAI_API_KEY": gpt.script.api_key,
            "OPENAI_BASE_URL": gpt.url,
            "ANTHROPIC_API_KEY": claude.script.api_key,
            "ANTHROPIC_BASE_URL": claude.url,
        }
        kova = stack.enter_context(run_kova(folder, database, github, **settings))
        nobody = f"127.0.0.1:{own_port()}"
        prometheus = stack.enter_context(run_prometheus(folder, kova.address, nobody))
        kova.start_worker()
        work(kova, gpt, claude)
        yield prometheus


def work(kova: Kova, gpt: FakeOpenAI, claude: FakeAnthropic) -> None:
    """Have Kova do what a day brings, good and bad."""
    kova.push("octo/sample", {"a.py": b"def f(x):\n    return x is 'a'\n"})
    kova.wait_for_scans(1)
    send_bad_messages(kova)
    address = f"{kova.address}/webhooks/github"
    headers = {"x-hub-signature-256": "sha256=00", "x-github-event": "push"}
    assert httpx.post(address, content=b"{}", headers=headers, timeout=60).status_code == 401
    scans = [kova.client.post("/api/scan", json={"repository": "octo/sample"}) for _ in "ab"]
    assert [answer.status_code for answer in scans] == [202, 429]
    body = {"command": "explain", "code": "x = 1\n", "path": "a.py"}
    for _ in "ab":  # The second answer is the cache's.
        assert kova.client.post("/ai/command", json=body).status_code == 200
    gpt.script.then(ModelReply(kind="error", status=400))
    kova.client.post("/ai/command", json=body | {"code": "x = 2\n", "task": "generate"})
    claude.script.then(ModelReply(kind="refusal"))
    kova.client.post("/ai/command", json=body | {"code": "x = 3\n", "task": "review"})
    later = body | {"code": "x = 4\n"}
    later_headers = {"Prefer": "respond-async"}
    answer = kova.client.post("/ai/command", json=later, headers=later_headers)
    assert answer.status_code == 202


def send_bad_messages(kova: Kova) -> None:
    """Queue messages that nobody can read, and scans that fail for good and for a moment."""
    kova.github.inject(Fault(kind="502", method="*", path="/octo/faulty", times=8))
    kova.push("octo/faulty", {"a.py": b"x = 1\n"})
    payload = kova.github.push_event("octo/sample")
    payload["repository"] |= {"id": 999_999, "full_name": "octo/gone", "name": "gone"}
    answer = kova.github.deliver(f"{kova.address}/webhooks/github", "push", payload)
    assert answer.status_code == 202
    client = boto3.client("sqs")
    for name in ("SCAN", "FIX", "COMMAND"):
        url = kova.environment[f"KOVA_{name}_QUEUE_URL"]
        client.send_message(QueueUrl=url, MessageBody=json.dumps({"version": 0}))
    client.close()


@needs_prometheus
def test_each_panel_has_data_or_a_reason_to_have_none(prometheus: Prometheus) -> None:
    expressions = [expression for expression, _ in expressions_of_boards()]
    assert len(expressions) > 40
    check_data(prometheus, expressions, EMPTY_PANELS)


@needs_prometheus
def test_each_selector_of_an_alert_has_data_or_a_reason_to_have_none(
    prometheus: Prometheus,
) -> None:
    alerts = [rule for rule in read_rules() if "alert" in rule]
    selectors = {selector for rule in alerts for selector in selectors_of(rule["expr"])}
    assert len(selectors) > 20
    check_data(prometheus, sorted(selectors), NOTHING)


@needs_prometheus
def test_each_rule_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    groups = httpx.get(f"{prometheus.address}/api/v1/rules", timeout=60).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == len(read_rules())
    assert {
        rule["name"]: rule.get("lastError", "") for rule in rules if rule["health"] == "err"
    } == {}


def check_data(prometheus: Prometheus, expressions: list[str], reasons: dict[str, str]) -> None:
    """Wait until every expression has data but those that have a reason to be empty."""

    def has_reason(expression: str) -> bool:
        return any(piece in expression for piece in reasons)

    expected = [expression for expression in expressions if has_reason(expression)]
    assert len(expected) >= len(reasons), "the table gives reasons for what nobody asks"

    def list_empty() -> list[str]:
        return [expression for expression in expressions if not prometheus.query(expression)]

    eventually(lambda: list_empty() == expected, 120, pause=1.0, otherwise=list_empty)
