"""A process of the server form sees that a secret of AWS was rotated, or that the App is there now."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from kova.bootstrap.environment import Environment
from kova.bootstrap.settings import load_settings
from kova_server.restart import FileWatch, SecretsWatch, waits_for_app, watch_credentials
from tests.support.eventually import eventually

SECRET = {"KOVA_METRICS_TOKEN": "first"}


class SecretsClock:
    """A clock that a test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def arn(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A secret in a Secrets Manager of this test."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("secretsmanager")
        yield client.create_secret(Name="metrics", SecretString=json.dumps(SECRET))["ARN"]


def rotate(arn: str, value: str) -> None:
    text = json.dumps({"KOVA_METRICS_TOKEN": value})
    boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=text)


def test_a_rotated_secret_is_a_reason_to_begin_anew(arn: str) -> None:
    clock = SecretsClock()
    watch = SecretsWatch(Environment({"KOVA_SECRETS_ARN": arn}, clock).read, max_age=300)
    rotate(arn, "second")
    clock.seconds = 299
    watch.look()
    assert not watch.has_changed()
    clock.seconds = 300
    watch.look()
    assert watch.has_changed()


def test_a_thread_of_its_own_looks(arn: str) -> None:
    watch = SecretsWatch(Environment({"KOVA_SECRETS_ARN": arn}).read, max_age=0)
    watch.start(pause=0.01)
    assert not watch.has_changed()
    rotate(arn, "second")
    eventually(watch.has_changed, 10)


def test_the_same_value_again_is_none(arn: str) -> None:
    clock = SecretsClock()
    watch = SecretsWatch(Environment({"KOVA_SECRETS_ARN": arn}, clock).read, max_age=300)
    rotate(arn, "first")
    clock.seconds = 300
    watch.look()
    assert not watch.has_changed()


def test_a_secret_that_cannot_be_read_for_a_while_is_none(arn: str) -> None:
    clock = SecretsClock()
    watch = SecretsWatch(Environment({"KOVA_SECRETS_ARN": arn}, clock).read, max_age=300)
    boto3.client("secretsmanager").delete_secret(SecretId=arn)
    clock.seconds = 300
    watch.look()
    assert not watch.has_changed()


def test_credentials_of_aws_that_fail_for_a_while_are_none(
    arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on ECS, where a task asks an address for them."""
    watch = SecretsWatch(Environment({"KOVA_SECRETS_ARN": arn}).read, max_age=0)
    with monkeypatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name)
        patch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/")
        watch.look()
    assert not watch.has_changed()
    rotate(arn, "second")
    watch.look()
    assert watch.has_changed()


def test_a_secret_that_is_no_text_is_none(arn: str) -> None:
    watch = SecretsWatch(Environment({"KOVA_SECRETS_ARN": arn}).read, max_age=0)
    boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretBinary=b"x")
    watch.look()
    assert not watch.has_changed()


def test_values_with_which_it_could_not_start_are_none_and_said(
    arn: str, caplog: pytest.LogCaptureFixture
) -> None:
    watch = SecretsWatch(
        Environment({"KOVA_SECRETS_ARN": arn}).read, max_age=0, check=load_settings
    )
    for _ in range(2):
        rotate(arn, "two words")
        watch.look()
    assert not watch.has_changed()
    (record,) = [record for record in caplog.records if record.name == "kova.restart"]
    assert "KOVA_METRICS_TOKEN" in record.__dict__["detail"]
    assert "two words" not in str(record.__dict__)
    rotate(arn, "second")
    watch.look()
    assert watch.has_changed()


def test_without_secrets_the_file_of_the_app_is_watched() -> None:
    assert isinstance(
        watch_credentials({"KOVA_GITHUB_APP_FILE": "app.env"}, load_settings), FileWatch
    )
    assert isinstance(watch_credentials({}, load_settings), FileWatch)


@pytest.mark.parametrize(
    ("variables", "waits"),
    [
        ({"KOVA_SECRETS_ARN": "arn"}, True),
        ({"KOVA_GITHUB_APP_FILE": "app.env"}, True),
        ({"KOVA_SECRETS_ARN": "arn", "KOVA_GITHUB_TOKEN": "token"}, False),
        ({}, False),
    ],
)
def test_a_worker_waits_for_the_app_where_something_will_tell(
    variables: dict[str, str], *, waits: bool
) -> None:
    assert waits_for_app(variables, load_settings(variables)) is waits
