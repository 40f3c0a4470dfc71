"""`kova migrate` makes the first key where a secret of AWS waits for it, as the function does."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import boto3
import psycopg
import pytest
from moto import mock_aws

from kova.adapters.postgres.migrate import DEPLOYMENT_LOCK
from kova_server.cli.migrate import migrate
from tests.support.eventually import eventually


def prepare(monkeypatch: pytest.MonkeyPatch, database_url: str) -> str:
    """Set the variables of a deployment; return the ARN of the key's secret, which is empty."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    arn = boto3.client("secretsmanager").create_secret(Name="admin", SecretString="{}")["ARN"]
    monkeypatch.setenv("KOVA_DATABASE_URL", database_url)
    monkeypatch.setenv("KOVA_ADMIN_KEY_SECRET_ARN", arn)
    monkeypatch.delenv("KOVA_REDIS_URL", raising=False)
    return str(arn)


def stored_key(arn: str) -> str:
    text = boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    return str(json.loads(text)["KOVA_ADMIN_KEY"])


@mock_aws
def test_the_first_key_goes_into_its_secret(
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arn = prepare(monkeypatch, empty_database_url)
    migrate()
    migrate()
    first, second = capsys.readouterr().out.split("up to date")
    key = stored_key(arn)
    prefix = key.split("_")[1]
    assert f"begins with {prefix}" in first
    assert prefix in second
    assert key not in first + second


@mock_aws
def test_two_deployments_at_once_make_one_key(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = prepare(monkeypatch, empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as another:
        another.execute("SELECT pg_advisory_lock(%s)", (DEPLOYMENT_LOCK,))
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(migrate) for _ in range(2)]
            waiting = """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE '%pg_try_advisory_lock%'
                AND pid <> pg_backend_pid()"""
            eventually(lambda: another.execute(waiting).fetchone() == (2,), 30)
            another.execute("SELECT pg_advisory_unlock(%s)", (DEPLOYMENT_LOCK,))
            for run in runs:
                run.result(30)
        rows = another.execute("SELECT prefix, revoked_at FROM api_keys").fetchall()
    assert rows == [(stored_key(arn).split("_")[1], None)]
