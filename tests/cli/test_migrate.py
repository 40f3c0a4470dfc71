"""`kova migrate` makes the first key where a secret of AWS waits for it, as the function does."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws

from kova_server.cli.migrate import migrate


@mock_aws
def test_the_first_key_goes_into_its_secret(
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="admin", SecretString="{}")["ARN"]
    monkeypatch.setenv("KOVA_DATABASE_URL", empty_database_url)
    monkeypatch.setenv("KOVA_ADMIN_KEY_SECRET_ARN", arn)
    monkeypatch.delenv("KOVA_REDIS_URL", raising=False)
    migrate()
    migrate()
    first, second = capsys.readouterr().out.split("up to date")
    key = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])["KOVA_ADMIN_KEY"]
    prefix = key.split("_")[1]
    assert f"begins with {prefix}" in first
    assert prefix in second
    assert key not in first + second
