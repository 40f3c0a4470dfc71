"""Secrets fill the environment, each in its process's reach, and are read again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import boto3
import pytest
from moto import mock_aws

from kova.adapters.secrets_manager import SecretRefusedError, SecretsUnavailableError
from kova.bootstrap import environment as module
from kova.bootstrap.environment import (
    SECONDS,
    Environment,
    FromEnvironment,
)
from kova.bootstrap.settings import SettingsError, load_settings

LOCAL = {"KOVA_ENV": "local"}


class Seconds:
    """A clock that stands until a test moves it."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty Secrets Manager."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def store(name: str, value: Mapping[str, object] | str) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    client = boto3.client("secretsmanager")
    try:
        return str(client.create_secret(Name=name, SecretString=text)["ARN"])
    except client.exceptions.ResourceExistsException:
        return str(client.put_secret_value(SecretId=name, SecretString=text)["ARN"])


def test_without_secrets_the_variables_are_those_of_the_process() -> None:
    assert Environment(LOCAL).read() is LOCAL


def test_several_secrets_fill_what_is_not_set() -> None:
    webhook = store("webhook", {"KOVA_GITHUB_WEBHOOK_SECRET": "w", "KOVA_LOG_LEVEL": "debug"})
    models = store("models", {"OPENAI_API_KEY": "o"})
    arns = {"KOVA_SECRETS_ARN": f"{webhook}, {models}"}
    variables = Environment({**arns, "KOVA_LOG_LEVEL": "error", "OPENAI_API_KEY": ""}).read()
    assert variables == {
        **arns,
        "KOVA_GITHUB_WEBHOOK_SECRET": "w",
        "OPENAI_API_KEY": "o",
        "KOVA_LOG_LEVEL": "error",
    }


@pytest.mark.parametrize("password", ["plain", "p@s/w:o#r d%41?&é"])
def test_the_secret_that_rds_rotates_becomes_part_of_the_addresses(password: str) -> None:
    arn = store("database", {"username": "kova", "password": password, "port": 5432})
    variables = Environment(
        {
            "KOVA_DATABASE_SECRET_ARN": arn,
            "KOVA_DATABASE_URL": "postgresql://db.example:5432/kova?sslmode=verify-full",
            "KOVA_DATABASE_READ_URL": "postgresql://other:own@replica.example/kova",
            "KOVA_REDIS_URL": "rediss://cache.example:6379/0",
            "KOVA_REDIS_PASSWORD": password,
        }
    ).read()
    settings = load_settings(variables)
    from psycopg.conninfo import conninfo_to_dict
    from redis.asyncio.connection import parse_url

    assert settings.database_url is not None
    assert settings.redis_url is not None
    database = conninfo_to_dict(settings.database_url)
    assert (database["user"], database["password"]) == ("kova", password)
    assert (database["host"], database["sslmode"]) == ("db.example", "verify-full")
    assert settings.database_read_url == "postgresql://other:own@replica.example/kova"
    cache = parse_url(settings.redis_url)
    assert (cache["host"], cache["password"]) == ("cache.example", password)


def test_a_rotated_secret_is_read_again_after_some_minutes(clock: Seconds) -> None:
    arn = store("webhook", {"KOVA_GITHUB_WEBHOOK_SECRET": "old"})
    environment = Environment({"KOVA_SECRETS_ARN": arn}, clock)
    first = environment.read()
    store("webhook", {"KOVA_GITHUB_WEBHOOK_SECRET": "new"})
    clock.seconds = SECONDS - 1
    assert environment.read() is first
    clock.seconds = SECONDS
    assert environment.read()["KOVA_GITHUB_WEBHOOK_SECRET"] == "new"


def test_what_did_not_change_stays_the_same_object(clock: Seconds) -> None:
    environment = Environment({"KOVA_SECRETS_ARN": store("webhook", {"A": "1"})}, clock)
    first = environment.read()
    clock.seconds = SECONDS
    assert environment.read() is first


def test_while_secrets_cannot_be_read_again_the_last_ones_count(
    clock: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    arn = store("webhook", {"A": "1"})
    environment = Environment({"KOVA_SECRETS_ARN": arn}, clock)
    first = environment.read()
    boto3.client("secretsmanager").delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    clock.seconds = SECONDS
    assert environment.read() is first
    assert "secrets not read again" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hunter2", "is not JSON"),
        ('["hunter2"]', "is not an object"),
        ('{"A": {"hunter2": 1}}', "has a member that is not a string"),
    ],
)
def test_a_secret_of_another_form_is_named_and_not_shown(text: str, message: str) -> None:
    arn = store("odd", text)
    with pytest.raises(SettingsError) as refused:
        Environment({"KOVA_SECRETS_ARN": arn}).read()
    assert message in str(refused.value)
    assert arn in str(refused.value)
    assert "hunter2" not in f"{refused.value!r}{refused.value.__cause__!r}"


def test_a_secret_that_does_not_exist_is_named() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:absent"
    with pytest.raises(
        SecretRefusedError, match="absent cannot be used: ResourceNotFoundException"
    ):
        Environment({"KOVA_SECRETS_ARN": arn}).read()


def test_a_secrets_manager_that_does_not_answer_is_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(SecretsUnavailableError):
        Environment({"KOVA_SECRETS_ARN": "arn:x"}).read()


def test_what_was_built_is_built_anew_and_closed_when_a_secret_changes(
    clock: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = Environment({"KOVA_SECRETS_ARN": store("webhook", {"A": "1"})}, clock)
    monkeypatch.setattr(module, "environment", environment.read)
    closed: list[str] = []
    value = FromEnvironment(lambda variables: variables["A"], closed.append)
    assert (value(), value(), closed) == ("1", "1", [])
    store("webhook", {"A": "2"})
    clock.seconds = SECONDS
    assert (value(), value(), closed) == ("2", "2", ["1"])
