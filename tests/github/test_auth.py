from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from kova.adapters.github.auth import AppTokens
from kova.adapters.github.client import GitHubClient
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    NotConfiguredError,
    RepositoryNotFoundError,
)
from kova.shared.repository import RepositoryRef

Connect = Callable[..., GitHubClient]
NOW = 1_800_000_000.0
REPO = "/repos/octo/sample"
TOKENS = "/app/installations/7/access_tokens"


class SettableClock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def github(script: Any) -> Any:
    """A GitHub that knows the App's installation 7."""
    script.json(f"{REPO}/installation", {"id": 7})
    for number in range(1, 4):
        expires = datetime.fromtimestamp(NOW + 3_600 * number, UTC).isoformat()
        script.json(TOKENS, {"token": f"ghs_{number}", "expires_at": expires}, status=201)
    script.json(REPO, {"id": 1})
    return script


def test_the_jwt_is_what_github_accepts(key: rsa.RSAPrivateKey, pem: str) -> None:
    header = AppTokens(app_id=" 42 ", private_key=pem, now=lambda: NOW).app_authorization()

    claims = jwt.decode(
        header.removeprefix("Bearer "),
        key.public_key(),
        algorithms=["RS256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["iss"] == "42"
    assert claims["iat"] == NOW - 60
    assert claims["exp"] - claims["iat"] <= 540


def test_a_key_with_escaped_line_ends_is_accepted(pem: str) -> None:
    escaped = pem.strip().replace("\n", "\\n")

    assert AppTokens(app_id="42", private_key=escaped).app_authorization().startswith("Bearer ey")


@pytest.mark.parametrize("bad", ["", "secret", "-----BEGIN RSA PRIVATE KEY-----\nAA==\n"])
def test_a_bad_key_is_a_matter_of_configuration_and_is_not_repeated(bad: str) -> None:
    with pytest.raises(NotConfiguredError) as caught:
        AppTokens(app_id="42", private_key=bad).app_authorization()
    assert "secret" not in str(caught.value)


def test_the_public_half_is_no_private_key(key: rsa.RSAPrivateKey) -> None:
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(NotConfiguredError):
        AppTokens(app_id="42", private_key=public.decode()).app_authorization()


def test_a_key_of_another_kind_is_a_matter_of_configuration() -> None:
    other_key = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(NotConfiguredError):
        AppTokens(app_id="42", private_key=other_key.decode()).app_authorization()


async def test_many_calls_at_once_ask_for_one_token(
    github: Any, connect: Connect, repository: RepositoryRef, pem: str
) -> None:
    client = connect(github.url, AppTokens(app_id="42", private_key=pem, now=SettableClock()))
    known_repository = RepositoryRef(full_name=repository.full_name, installation_id=7)

    await asyncio.gather(*(client.get(known_repository, "") for _ in range(10)))

    assert github.paths().count(TOKENS) == 1
    assert f"{REPO}/installation" not in github.paths()


async def test_an_unknown_installation_is_looked_up_once(
    github: Any, connect: Connect, repository: RepositoryRef, pem: str
) -> None:
    client = connect(github.url, AppTokens(app_id="42", private_key=pem, now=SettableClock()))

    await client.get(repository, "")
    await client.get(repository, "")

    assert github.paths().count(f"{REPO}/installation") == 1
    assert await client.installation(repository) == 7


async def test_a_token_is_renewed_five_minutes_before_it_expires(
    github: Any, connect: Connect, repository: RepositoryRef, pem: str
) -> None:
    clock = SettableClock()
    client = connect(github.url, AppTokens(app_id="42", private_key=pem, now=clock))
    used = []

    for moment in (0, 3_299, 3_300):
        clock.time = NOW + moment
        await client.get(repository, "")
        used.append(github.requests[-1][2]["authorization"])

    assert used == ["Bearer ghs_1", "Bearer ghs_1", "Bearer ghs_2"]


async def test_a_revoked_token_is_replaced_once(
    github: Any, connect: Connect, repository: RepositoryRef, pem: str
) -> None:
    github.answers[REPO] = []
    github.json(REPO, {"message": "Bad credentials"}, status=401)
    github.json(REPO, {"id": 1})
    client = connect(github.url, AppTokens(app_id="42", private_key=pem, now=SettableClock()))

    assert await client.get(repository, "") == {"id": 1}
    assert github.requests[-1][2]["authorization"] == "Bearer ghs_2"


async def test_an_app_that_is_refused_again_is_refused(
    github: Any, connect: Connect, repository: RepositoryRef, pem: str
) -> None:
    github.answers[REPO] = []
    github.json(REPO, {"message": "Bad credentials"}, status=401)
    client = connect(github.url, AppTokens(app_id="42", private_key=pem, now=SettableClock()))

    with pytest.raises(GitHubRefusedError):
        await client.get(repository, "")
    assert github.paths().count(REPO) == 2


async def test_an_installation_that_is_gone_is_looked_up_anew(
    github: Any, connect: Connect, pem: str
) -> None:
    client = connect(github.url, AppTokens(app_id="42", private_key=pem, now=SettableClock()))
    stale = RepositoryRef(full_name="octo/sample", installation_id=6)

    assert await client.get(stale, "") == {"id": 1}


async def test_a_repository_without_the_app_is_not_found(
    script: Any, connect: Connect, repository: RepositoryRef, pem: str
) -> None:
    client = connect(script.url, AppTokens(app_id="42", private_key=pem, now=SettableClock()))

    with pytest.raises(RepositoryNotFoundError):
        await client.get(repository, "")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "a\nb", "expires_at": "2030-01-01T00:00:00Z"},
        {"token": "ghs_1", "expires_at": "soon"},
        {"token": 5, "expires_at": "2030-01-01T00:00:00Z"},
    ],
)
async def test_a_token_that_cannot_be_used_is_githubs_failure(
    script: Any, connect: Connect, pem: str, body: dict[str, object]
) -> None:
    script.raw(TOKENS, json.dumps(body).encode(), status=201)
    client = connect(script.url, AppTokens(app_id="42", private_key=pem, now=SettableClock()))

    with pytest.raises(GitHubUnavailableError):
        await client.get(RepositoryRef(full_name="octo/sample", installation_id=7), "")
