"""What a deployment's files may not show is seen, whatever the secret's form."""

from __future__ import annotations

import pytest

from tests.checks.deployed_settings import check_variables

SHOWN = "worker: {} is a secret and stands in plain text"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "k"),
        ("AWS_SECRET_ACCESS_KEY", "k"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_SESSION_TOKEN", "k"),
        ("PGPASSWORD", "p"),
        ("KOVA_DATABASE_URL", "postgresql://kova:p@h/kova"),
        ("KOVA_DATABASE_URL", "postgresql://kova:p/q@h/kova"),
        ("KOVA_DATABASE_URL", "postgresql://ko%2Fva:p@h/kova"),
        ("KOVA_DATABASE_URL", "postgresql://h/kova?user=k&password=x"),
        ("KOVA_DATABASE_URL", "postgresql://h/kova?p%61ssword=x"),
        ("KOVA_DATABASE_URL", "postgresql://h/kova?sslpassword=x"),
        ("KOVA_DATABASE_URL", "host=h user=k password = x"),
        ("KOVA_REDIS_URL", "rediss://:p/q@h:6379/0"),
        ("AWS_ENDPOINT_URL_SQS", "https://k:p@h"),
    ],
)
def test_a_secret_in_plain_text_is_seen(name: str, value: str) -> None:
    assert SHOWN.format(name) in check_variables("worker", {name: value}, [])
    assert SHOWN.format(name) not in check_variables("worker", {}, [name])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", ""),
        ("PGPASSWORD", ""),
        ("PGHOST", "h"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("KOVA_DATABASE_URL", "postgresql://kova@h:5432/kova?sslmode=verify-full"),
        ("KOVA_DATABASE_URL", "postgresql://h/kova?user=k&password="),
        ("KOVA_DATABASE_URL", "host=h user=k"),
        ("KOVA_REDIS_URL", "rediss://h:6379/0"),
    ],
)
def test_what_shows_nothing_passes(name: str, value: str) -> None:
    assert SHOWN.format(name) not in check_variables("worker", {name: value}, [])


def test_queues_that_ask_for_no_key_are_given_none() -> None:
    variables = {"AWS_ENDPOINT_URL_SQS": "http://sqs:9324", "AWS_SECRET_ACCESS_KEY": "local"}
    shown = SHOWN.format("AWS_SECRET_ACCESS_KEY")
    assert shown not in check_variables("worker", variables, [])
    assert shown in check_variables("worker", variables | {"AWS_SECRET_ACCESS_KEY": "k"}, [])
