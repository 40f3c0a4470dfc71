"""GET /api/notices, and the settings of a repository that say who is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from kova_fakes.github import FakeGitHub
from tests.server.conftest import Kova, run_kova


@pytest.fixture
def kova(tmp_path: Path, database_url: str, github: FakeGitHub) -> Iterator[Kova]:
    with run_kova(tmp_path, database_url, github) as product:
        yield product


def execute(kova: Kova, query: str) -> None:
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(query)  # type: ignore[call-overload]


def test_what_could_not_be_told_is_listed_with_its_reason(kova: Kova) -> None:
    execute(
        kova,
        """WITH channel AS (INSERT INTO notice_channels (name) VALUES ('slack:C1') RETURNING name)
        INSERT INTO notice_messages (channel, thread_key, notice_ids, status, reason, attempts)
        SELECT name, 'k', '{}', 'failed', 'chat_channel_refused: Slack refuses.', 8 FROM channel""",
    )
    (message,) = kova.get("/api/notices")["items"]
    assert (message["status"], message["reason"], message["attempts"]) == (
        "failed",
        "chat_channel_refused: Slack refuses.",
        8,
    )


def test_a_repository_says_who_is_told_and_when(kova: Kova) -> None:
    execute(
        kova,
        "INSERT INTO repositories (full_name, github_id, default_branch) VALUES ('o/n', 1, 'main')",
    )
    settings = {
        "slack_channel": "C0123456789",
        "notify_severity": "critical",
        "quiet_hours": "22:00-07:00 Europe/Berlin",
    }
    answer = kova.client.patch("/api/repositories/o/n", json=settings)
    assert answer.status_code == 200
    repository = kova.get("/api/repositories/o/n")
    assert {name: repository[name] for name in settings} == settings
    for name, value in (
        ("slack_channel", "#general"),
        ("slack_channel", "C1|<!here>"),
        ("notify_severity", "medium"),
        ("quiet_hours", "late"),
        ("quiet_hours", "22:00-07:00 ../etc/passwd"),
        ("quiet_hours", "22:00-07:00\n"),
    ):
        refused = kova.client.patch("/api/repositories/o/n", json={name: value})
        assert refused.status_code == 422, (name, value)
    for hours in ("22:00-07:00 Mars/Olympus", "22:00-22:00"):
        refused = kova.client.patch("/api/repositories/o/n", json={"quiet_hours": hours})
        assert refused.status_code == 409, hours
