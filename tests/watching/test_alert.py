"""An alert goes all the way: a queue that is stuck, Prometheus, Alertmanager, Slack, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from kova_fakes.github import serve_github
from kova_fakes.slack import FakeSlack, serve_slack
from tests.server.conftest import Kova, run_kova
from tests.support.eventually import eventually
from tests.watching.conftest import (
    TOKEN,
    needs_alertmanager,
    needs_prometheus,
    run_alertmanager,
    run_prometheus,
)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with serve_slack() as fake:
        yield fake


@pytest.fixture
def kova(tmp_path: Path, database_url: str) -> Iterator[Kova]:
    with (
        serve_github() as github,
        run_kova(tmp_path, database_url, github, KOVA_METRICS_TOKEN=TOKEN) as product,
    ):
        yield product


@needs_prometheus
@needs_alertmanager
def test_a_scan_that_waits_too_long_is_told_in_slack_and_its_end_too(
    kova: Kova, slack: FakeSlack, tmp_path: Path
) -> None:
    kova.github.state.create_repository("octo/sample", files={"a.py": b"x = 1\n"})
    asked = kova.client.post("/api/scan", json={"repository": "octo/sample"})
    assert asked.status_code == 202, asked.text
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute("UPDATE scans SET created_at = created_at - interval '1 hour'")

    def titles() -> list[str]:
        return [part.title for message in slack.messages for part in message.attachments]

    with (
        run_alertmanager(tmp_path, slack.url) as alertmanager,
        run_prometheus(tmp_path, kova.address, alertmanager) as prometheus,
    ):

        def describe() -> str:
            alerts = httpx.get(f"{prometheus.address}/api/v1/alerts").text
            log = (tmp_path / "alertmanager.log").read_text()[-2_000:]
            return f"{titles()} {slack.refused} {alerts} {log}"

        firing = "[critical] KovaScanWaitsTooLong"
        eventually(lambda: firing in titles(), 90, otherwise=describe)
        (message,) = slack.messages
        (part,) = message.attachments
        assert part.color == "danger"
        assert part.text.startswith("*A scan waits for a worker for 1h 0m")
        assert "docs/alerts.md#kovascanwaitstoolong" in part.text
        kova.start_worker()
        eventually(lambda: "[resolved] KovaScanWaitsTooLong" in titles(), 90, otherwise=describe)
    assert titles() == [firing, "[resolved] KovaScanWaitsTooLong"]
    assert slack.messages[-1].attachments[0].color == "good"
    assert slack.refused == []


def test_the_fake_of_slack_refuses_what_slack_refuses(slack: FakeSlack) -> None:
    for body, status, text in (
        ({"text": "hello"}, 200, "ok"),
        ({}, 400, "no_text"),
        ({"text": "a", "attachment": []}, 400, "invalid_payload"),
        ({"text": "a" * 40_001}, 400, "invalid_payload"),
    ):
        answer = httpx.post(slack.url, json=body)
        assert (answer.status_code, answer.text[: len(text)]) == (status, text)
    assert httpx.post(slack.url, content=b"{}").status_code == 400
    assert httpx.post(f"{slack.url}x", json={"text": "hello"}).status_code == 403
    assert [message.text for message in slack.messages] == ["hello"]
