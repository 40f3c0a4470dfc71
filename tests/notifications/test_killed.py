"""Workers that are killed at random while 200 notices are due: each is told once, in order."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator

import psycopg
import pytest

from kova_fakes.google_chat import FakeGoogleChat
from kova_fakes.slack import FakeSlackApi
from tests.support.eventually import eventually

KILLS = 30
THREADS, ROUNDS = 40, 5
CHANNELS = tuple(f"C00000010{number}" for number in range(4))
WORKERS = 2


def add_repositories(url: str) -> None:
    """Add a repository for each channel."""
    with psycopg.connect(url) as connection:
        for number, channel in enumerate(CHANNELS):
            connection.execute(
                "INSERT INTO repositories (full_name, github_id, default_branch, slack_channel)"
                " VALUES (%s, %s, 'main', %s)",
                (f"octo/sample{number}", number, channel),
            )


def record_round(url: str, place: int) -> None:
    """Record one notice more in each of the 40 threads."""
    with psycopg.connect(url) as connection:
        for thread in range(THREADS):
            connection.execute(
                """INSERT INTO notices (repository_id, kind, subject, dedupe_key, thread_key,
                    group_key, facts)
                SELECT id, 'budget_low', 'all', %(key)s, %(thread)s, %(key)s,
                    jsonb_build_object('level', '80', 'month', %(thread)s::text,
                        'spent_usd', %(place)s::text, 'cap_usd', '9')
                FROM repositories WHERE slack_channel = %(channel)s""",
                {
                    "key": f"{thread}:{place}",
                    "thread": f"thread {thread}",
                    "place": str(place),
                    "channel": CHANNELS[thread % len(CHANNELS)],
                },
            )


@pytest.fixture
def settings(database_url: str, slack: FakeSlackApi, google_chat: FakeGoogleChat) -> dict[str, str]:
    for channel in CHANNELS:
        slack.add_channel(channel)
    slack.seconds_before_answer = 0.08
    return {
        **os.environ,
        "KOVA_ENV": "local",
        "KOVA_DATABASE_URL": database_url,
        "SLACK_BOT_TOKEN": slack.token,
        "KOVA_SLACK_API_URL": slack.url,
        "KOVA_GOOGLE_CHAT_WEBHOOK_URL": google_chat.url,
    }


@pytest.fixture
def workers(settings: dict[str, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    running = [start_worker(settings) for _ in range(WORKERS)]
    try:
        yield running
    finally:
        for process in running:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def start_worker(settings: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.notifications.sender"]
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE)


def wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"


def count_due(url: str) -> int:
    query = """SELECT (SELECT count(*) FROM notice_messages WHERE status = 'due')
        + (SELECT count(*) FROM notices WHERE routed_at IS NULL)"""
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def told_in_slack(slack: FakeSlackApi) -> dict[str, list[tuple[str, str | None, str]]]:
    """Return what each thread was told, in order: the place, the thread's ts and the own one."""
    told: dict[str, list[tuple[str, str | None, str]]] = defaultdict(list)
    for channel in CHANNELS:
        for message in slack.channels[channel].messages:
            texts = slack.seen(message).text
            month, place = texts[texts.index("Month: ") + 1], texts[texts.index("\nSpent: ") + 1]
            told[month].append((place.split()[0], message.get("thread_ts"), message["ts"]))
    return told


def test_each_notice_is_told_once_and_in_the_order_of_its_thread(
    database_url: str,
    settings: dict[str, str],
    workers: list[subprocess.Popen[bytes]],
    slack: FakeSlackApi,
    google_chat: FakeGoogleChat,
) -> None:
    dice = random.Random(13)
    add_repositories(database_url)
    rounds = ROUNDS
    for place in range(rounds):
        record_round(database_url, place)
    for _ in range(KILLS):
        victim = dice.randrange(WORKERS)
        wait_until_ready(workers[victim])
        time.sleep(dice.uniform(0.0, 0.5))
        if count_due(database_url) < THREADS:
            # A slow machine: much is told while a worker starts, and kills shall meet work.
            record_round(database_url, rounds)
            rounds += 1
        kill(workers[victim])
        workers[victim] = start_worker(settings)
    eventually(lambda: not count_due(database_url), 120)
    told = told_in_slack(slack)
    places = [str(place) for place in range(rounds)]
    assert len(told) == THREADS
    assert {name: [place for place, _, _ in thread] for name, thread in told.items()} == {
        f"thread {number}": places for number in range(THREADS)
    }
    for (_, parent, first_ts), *replies in told.values():
        assert parent is None
        assert {thread_ts for _, thread_ts, _ in replies} == {first_ts}
    assert_told_once_in_google_chat(google_chat, rounds)
    # Some attempts were cut short between Slack's acceptance and its record, and looked for.
    assert slack.calls.count("conversations.history") + slack.calls.count("conversations.replies")


def assert_told_once_in_google_chat(google_chat: FakeGoogleChat, rounds: int) -> None:
    order: dict[str, list[int]] = defaultdict(list)
    for message in google_chat.messages:
        widgets = message["cardsV2"][0]["card"]["sections"][0]["widgets"]
        facts = {
            widget["decoratedText"]["topLabel"]: widget["decoratedText"]["text"]
            for widget in widgets
            if "decoratedText" in widget
        }
        order[message["thread"]["name"]].append(int(facts["Spent"].split()[0]))
    assert list(order.values()) == [list(range(rounds))] * THREADS
