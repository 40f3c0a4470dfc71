"""One contract over every store of the App's credentials; Secrets Manager is moto's server."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from kova.adapters.app_file import FileCredentialStore
from kova.adapters.app_secrets import SecretsManagerCredentialStore
from kova.adapters.memory.credentials import MemoryCredentialStore
from kova.adapters.secrets_manager import SecretRefusedError, secrets_client
from kova.bootstrap.environment import Environment
from kova.setup.credentials import AppCredentials
from kova.setup.exceptions import AppConfiguredError, StoreUnavailableError
from kova.setup.ports import CredentialStore
from tests.support.moto import serve_aws

CREDENTIALS = AppCredentials(
    app_id="7",
    slug="kova",
    name="Kova",
    page="https://github.example.com/apps/kova",
    owner="octo",
    owned_by_organization=True,
    private_key="-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n",
    webhook_secret="w$\"'`h",
    client_id="Iv1",
    client_secret="cs",
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of Secrets Manager with two secrets that have no value yet."""
    with serve_aws() as url:
        for name, text in {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, text)
        client = boto3.client("secretsmanager")
        for name in ("app", "client", "webhook"):
            client.create_secret(Name=name)
        yield client
        client.close()


def aws_store(**secrets: str) -> SecretsManagerCredentialStore:
    names = {"app_secret": "app", "client_secret": "client", "webhook_secret": "webhook"}
    return SecretsManagerCredentialStore(secrets_client(), **(names | secrets))


def members(client: Any, name: str) -> dict[str, str]:
    value: dict[str, str] = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    return value


@pytest.fixture(params=["memory", "file", "aws"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CredentialStore:
    if request.param == "memory":
        return MemoryCredentialStore()
    if request.param == "file":
        return FileCredentialStore(tmp_path / "folder" / "github-app.env")
    request.getfixturevalue("aws")
    return aws_store()


async def test_nothing_has_happened_at_first(store: CredentialStore) -> None:
    progress = await store.progress()
    assert (progress.is_configured, progress.spent_token, progress.exchanged_code) == (
        False,
        None,
        None,
    )


async def test_a_token_is_spent_once_and_another_may_follow(store: CredentialStore) -> None:
    assert await store.spend("a" * 64)
    assert not await store.spend("a" * 64)
    assert (await store.progress()).spent_token == "a" * 64
    assert await store.spend("b" * 64)


async def test_of_many_who_spend_a_token_at_once_one_wins(store: CredentialStore) -> None:
    wins = await asyncio.gather(*(store.spend("a" * 64) for _ in range(8)))
    assert sum(wins) == 1


async def test_an_exchange_is_noted_beside_the_token(store: CredentialStore) -> None:
    await store.spend("a" * 64)
    await store.note_exchange("c" * 64)
    progress = await store.progress()
    assert (progress.spent_token, progress.exchanged_code) == ("a" * 64, "c" * 64)
    assert not progress.is_configured


async def test_credentials_are_stored_once(store: CredentialStore) -> None:
    await store.spend("a" * 64)
    await store.note_exchange("c" * 64)
    await store.save(CREDENTIALS)
    assert (await store.progress()).is_configured
    assert not await store.spend("b" * 64)
    with pytest.raises(AppConfiguredError):
        await store.save(CREDENTIALS)


async def test_the_file_is_its_owners_alone_and_its_progress_goes(tmp_path: Path) -> None:
    file = tmp_path / "github-app.env"
    store = FileCredentialStore(file, {"KOVA_GITHUB_API_URL": "https://api.github.com"})
    await store.spend("a" * 64)
    progress_file = tmp_path / "github-app.env.setup"
    assert stat.S_IMODE(progress_file.stat().st_mode) == 0o600
    await store.save(CREDENTIALS)
    assert not progress_file.exists()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_processes_read_what_the_file_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "github-app.env"
    await FileCredentialStore(file).save(CREDENTIALS)
    monkeypatch.setenv("KOVA_GITHUB_APP_FILE", str(file))
    monkeypatch.setenv("KOVA_GITHUB_CLIENT_ID", "mine")
    variables = Environment(os.environ).read()
    assert variables["KOVA_GITHUB_PRIVATE_KEY"] == CREDENTIALS.private_key
    assert variables["KOVA_GITHUB_WEBHOOK_SECRET"] == CREDENTIALS.webhook_secret
    assert variables["KOVA_GITHUB_CLIENT_ID"] == "mine"  # A variable that is set wins.


async def test_a_file_that_cannot_be_written_says_so_before_github_is_asked(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder").write_text("no folder")
    with pytest.raises(StoreUnavailableError):
        await FileCredentialStore(tmp_path / "folder" / "github-app.env").spend("a" * 64)


async def test_on_aws_each_purpose_has_a_secret_of_its_own(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = aws_store()
    await store.spend("a" * 64)
    await store.save(CREDENTIALS)
    assert members(aws, "webhook") == {"KOVA_GITHUB_WEBHOOK_SECRET": CREDENTIALS.webhook_secret}
    assert members(aws, "client") == {
        "KOVA_GITHUB_CLIENT_ID": CREDENTIALS.client_id,
        "KOVA_GITHUB_CLIENT_SECRET": CREDENTIALS.client_secret,
    }
    app = members(aws, "app")
    assert app["KOVA_GITHUB_PRIVATE_KEY"] == CREDENTIALS.private_key
    assert not {CREDENTIALS.webhook_secret, CREDENTIALS.client_secret} & set(app.values())
    monkeypatch.setenv("KOVA_SECRETS_ARN", "app, webhook, client")
    variables = Environment(os.environ).read()
    assert variables["KOVA_GITHUB_APP_ID"] == "7"
    assert variables["KOVA_GITHUB_WEBHOOK_SECRET"] == CREDENTIALS.webhook_secret
    assert variables["KOVA_GITHUB_CLIENT_SECRET"] == CREDENTIALS.client_secret


async def test_a_client_in_its_earlier_place_still_counts_and_its_own_place_comes_first(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = {"KOVA_GITHUB_CLIENT_ID": "Iv0", "KOVA_GITHUB_CLIENT_SECRET": "old"}
    aws.put_secret_value(SecretId="app", SecretString=json.dumps(earlier))
    aws.put_secret_value(SecretId="client", SecretString="{}")
    monkeypatch.setenv("KOVA_SECRETS_ARN", "client,app")
    assert Environment(os.environ).read()["KOVA_GITHUB_CLIENT_SECRET"] == "old"
    aws.put_secret_value(
        SecretId="client", SecretString=json.dumps(earlier | {"KOVA_GITHUB_CLIENT_SECRET": "new"})
    )
    assert Environment(os.environ).read()["KOVA_GITHUB_CLIENT_SECRET"] == "new"


async def test_a_secret_without_a_value_has_no_members(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put_secret_value(SecretId="webhook", SecretString='{"KOVA_REDIS_URL": "redis://r"}')
    monkeypatch.setenv("KOVA_SECRETS_ARN", "app,webhook")
    variables = Environment(os.environ).read()
    assert variables["KOVA_REDIS_URL"] == "redis://r"
    assert "KOVA_GITHUB_APP_ID" not in variables
    monkeypatch.setenv("KOVA_SECRETS_ARN", "webhook,mistyped")
    with pytest.raises(SecretRefusedError, match="ResourceNotFoundException"):
        Environment(os.environ).read()


@pytest.mark.parametrize("name", ["webhook_secret", "client_secret"])
async def test_a_missing_secret_is_noticed_before_github_is_asked(aws: Any, name: str) -> None:
    store = aws_store(**{name: "missing"})
    with pytest.raises(StoreUnavailableError):
        await store.spend("a" * 64)
    assert (await store.progress()).spent_token is None


async def test_a_failure_between_both_secrets_leaves_room_for_another_app(aws: Any) -> None:
    store = aws_store()
    await store.spend("a" * 64)
    await store.note_exchange("c" * 64)
    aws.put_secret_value(SecretId="webhook", SecretString='{"KOVA_GITHUB_WEBHOOK_SECRET": "old"}')
    assert not (await store.progress()).is_configured
    await store.note_exchange("d" * 64)
    await store.save(CREDENTIALS)
    assert members(aws, "webhook")["KOVA_GITHUB_WEBHOOK_SECRET"] == CREDENTIALS.webhook_secret


def test_secrets_do_not_show(tmp_path: Path) -> None:
    for secret in (
        CREDENTIALS.private_key,
        CREDENTIALS.webhook_secret,
        repr(CREDENTIALS.client_secret),
    ):
        assert secret not in repr(CREDENTIALS)
