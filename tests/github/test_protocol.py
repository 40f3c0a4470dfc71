from __future__ import annotations

import json
import time

import pytest

from kova.adapters.github.protocol import (
    ATTEMPTS,
    MESSAGE_LIMIT,
    SECONDARY_WAIT,
    decipher,
    plan_retry,
    request_headers,
)
from kova.shared.exceptions import (
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
    KovaError,
    RepositoryNotFoundError,
)
from kova.version import VERSION

JSON = {"content-type": "application/json; charset=utf-8"}


def answer(status: int, message: object = "no", **headers: str) -> KovaError:
    named = JSON | {key.replace("_", "-"): value for key, value in headers.items()}
    with pytest.raises(KovaError) as caught:
        decipher(status, named, json.dumps({"message": message}).encode(), method="GET")
    return caught.value


def test_every_request_names_the_version_of_the_api_and_of_kova() -> None:
    headers = request_headers("Bearer x")

    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["user-agent"] == f"kova/{VERSION}"
    assert headers["authorization"] == "Bearer x"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, GitHubRefusedError),
        (403, GitHubRefusedError),
        (404, RepositoryNotFoundError),
        (409, GitHubRefusedError),
        (410, RepositoryNotFoundError),
        (418, GitHubRefusedError),
        (422, GitHubRefusedError),
        (429, GitHubRateLimitedError),
        (451, RepositoryNotFoundError),
        (500, GitHubUnavailableError),
        (502, GitHubUnavailableError),
        (304, GitHubRefusedError),
        (599, GitHubUnavailableError),
        (799, GitHubUnavailableError),
    ],
)
def test_a_status_becomes_an_error_of_the_domain(status: int, error: type[KovaError]) -> None:
    assert type(answer(status)) is error


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"<html>"),
        ("application/json", b'{"a": ' * 100_000),
        ("application/json", b"\xff\xfe"),
        ("application/json; charset=klingon", b"{}"),
        ("application/json; charset=zlib", b"{}"),
    ],
)
@pytest.mark.parametrize("status", [200, 403, 422, 500])
def test_garbage_is_never_another_exception(status: int, content_type: str, body: bytes) -> None:
    with pytest.raises(GitHubUnavailableError):
        decipher(status, {"content-type": content_type}, body, method="GET")


@pytest.mark.parametrize(
    "body", [[], "text", 5, None, {"errors": [5]}, {"errors": 7, "message": 1}]
)
def test_an_odd_refusal_is_still_an_error_of_the_domain(body: object) -> None:
    with pytest.raises(KovaError):
        decipher(422, JSON, json.dumps(body).encode(), method="POST")


def test_headers_of_garbage_are_no_traceback() -> None:
    headers = JSON | {
        "x-ratelimit-limit": "x",
        "x-ratelimit-remaining": "1",
        "x-ratelimit-reset": "1e999",
    }
    with pytest.raises(GitHubUnavailableError):
        decipher(200, headers, b"{}", method="GET")


def test_a_message_is_short_and_holds_no_token() -> None:
    error = answer(403, f"ghs_16C7e42F292c6912E7710c838347Ae178B4a\0 {'x' * 5_000}")

    assert "ghs_" not in str(error)
    assert "\0" not in str(error)
    assert len(str(error)) < MESSAGE_LIMIT + 50


def test_the_wait_is_read_from_either_header() -> None:
    reset = str(int(time.time()) + 100)

    after = answer(403, retry_after="7")
    spent = answer(403, x_ratelimit_limit="60", x_ratelimit_remaining="0", x_ratelimit_reset=reset)
    silent = answer(403, "You have exceeded a secondary rate limit.")

    assert after.data["retry_after"] == 7.0
    assert 98 <= float(str(spent.data["retry_after"])) <= 100
    assert silent.data["retry_after"] == SECONDARY_WAIT
    assert {type(error) for error in (after, spent, silent)} == {GitHubRateLimitedError}


@pytest.mark.parametrize(
    ("error", "attempt", "repeatable", "wait"),
    [
        (GitHubUnavailableError(), 1, True, 0.25),
        (GitHubUnavailableError(), 2, True, 0.5),
        (GitHubUnavailableError(), ATTEMPTS, True, None),
        (GitHubUnavailableError(), 1, False, None),
        (GitHubRateLimitedError(retry_after=3.0), 1, False, 3.0),
        (GitHubRateLimitedError(retry_after=60.0), 1, True, None),
        (GitHubRefusedError(), 1, True, None),
        (RepositoryNotFoundError(), 1, True, None),
    ],
)
def test_the_plan_of_retries(
    error: KovaError, attempt: int, repeatable: bool, wait: float | None
) -> None:
    assert plan_retry(error, attempt=attempt, repeatable=repeatable, jitter=0.0) == wait
