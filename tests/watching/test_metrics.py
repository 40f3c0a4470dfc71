"""What is counted where a server's counters do not reach, and what must not be counted."""

from __future__ import annotations

import hashlib
import hmac
import json

import psycopg
import pytest

import functions.github_webhook.app as webhook
from kova.adapters.metrics.catalogue import CATALOGUE
from kova.adapters.metrics.page import Gauge, render
from kova.adapters.postgres.pool import Database
from kova.adapters.sqs_consumer import seconds_since_sent
from kova.bootstrap.environment import FromEnvironment
from tests.functions.test_built import http_event
from tests.support.queues import environment, make_queue

SECRET = "secret-of-a-test"
PUSH = {
    "ref": "refs/heads/main",
    "after": "1" * 40,
    "repository": {"id": 1, "full_name": "octo/counted", "default_branch": "main"},
}


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = environment() | {
        "KOVA_GITHUB_WEBHOOK_SECRET": SECRET,
        "KOVA_SCAN_QUEUE_URL": make_queue(),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(webhook, "_function", FromEnvironment(webhook._build))


def deliver(event: str, secret: str = SECRET) -> int:
    body = json.dumps(PUSH).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": "d-1",
        "x-hub-signature-256": f"sha256={signature}",
    }
    answer = webhook.handler(http_event("POST", "/webhooks/github", body, headers), None)
    return int(answer["statusCode"])


@pytest.mark.usefixtures("intake")
def test_the_webhook_function_counts_each_delivery_in_cloudwatch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    statuses = [deliver("push"), deliver("a_new_one"), deliver("push", "wrong")]
    assert statuses == [202, 202, 401]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    accepted, refused = "kova_deliveries_total", "kova_deliveries_refused_total"
    assert [{key: value for key, value in line.items() if key != "_aws"} for line in lines] == [
        {"service": "kova", "event": "push", "outcome": "queued", accepted: 1},
        {"service": "kova", "event": "other", "outcome": "ignored", accepted: 1},
        {"service": "kova", "reason": "bad_signature", refused: 1},
    ]
    labels = {metric.name: list(metric.labels) for metric in CATALOGUE}
    for line in lines:
        (metrics,) = line["_aws"]["CloudWatchMetrics"]
        assert metrics["Namespace"] == "Kova"
        ((name, unit),) = [(metric["Name"], metric["Unit"]) for metric in metrics["Metrics"]]
        assert (line[name], unit) == (1, "Count")
        # The dimensions are the labels that the same metric has for Prometheus.
        assert metrics["Dimensions"] == [["service", *labels[name]]]


async def test_each_statement_is_timed_and_the_check_of_a_connection_is_none(
    database_url: str,
) -> None:
    timed: list[tuple[str, float]] = []
    database = Database(database_url, on_statement=lambda name, time: timed.append((name, time)))
    await database.ping()
    timed.clear()
    for _ in range(3):
        async with database.statement() as connection:
            await connection.execute("SELECT pg_sleep(0.01)")
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with database.transaction() as connection:
            await connection.execute("SELECT 1 / 0")
    await database.close()
    assert [name for name, _ in timed] == ["primary"] * 4
    assert all(seconds > 0.01 for _, seconds in timed[:3])


def test_a_reading_that_no_table_lists_is_refused() -> None:
    with pytest.raises(KeyError, match="kova_unlisted"):
        render({}, [Gauge(name="kova_unlisted", values={(): 1.0})])


def test_what_a_managed_redis_does_not_tell_is_left_out() -> None:
    page = render({}, [Gauge(name="kova_redis_evicted_keys_total", values={(): 3.0})]).decode()
    assert "# TYPE kova_redis_evicted_keys_total counter" in page
    assert "kova_redis_evicted_keys_total 3.0" in page
    assert "kova_redis_memory_limit_bytes" not in page


def test_a_message_of_a_clock_that_is_ahead_has_not_waited() -> None:
    assert seconds_since_sent({"SentTimestamp": "99999999999999"}) == 0.0
    assert seconds_since_sent({}) is None
