"""GitHub's REST protocol without any I/O: headers, errors, rate limits, when to try again.

https://docs.github.com/rest/using-the-rest-api
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import gidgethub
import httpx
from gidgethub import sansio

from kova.shared.exceptions import (
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
    KovaError,
    RepositoryNotFoundError,
)
from kova.shared.json_text import check_values
from kova.shared.text import clean, shorten
from kova.version import VERSION

API_VERSION: Final = "2022-11-28"
ATTEMPTS: Final = 3
LONGEST_WAIT: Final = 10.0
# GitHub asks for at least a minute after a secondary rate limit that names no time.
SECONDARY_WAIT: Final = 60.0
MESSAGE_LIMIT: Final = 300

_FIRST_WAIT: Final = 0.5
_SECRET: Final = re.compile(r"\b(?:gh[a-z]_|github_pat_|eyJ)[\w.-]+")
_GONE: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS}
)
_REFUSALS: Final = {
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid",
}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A successful answer: its JSON (None without a body), and the next page's address."""

    data: Any
    next_url: str | None = None


def request_headers(authorization: str | None, *, accept: str | None = None) -> dict[str, str]:
    """Return the headers of every request."""
    headers = sansio.create_headers(
        f"kova/{VERSION}", accept=accept or "application/vnd.github+json"
    )
    headers["x-github-api-version"] = API_VERSION
    headers["accept-encoding"] = "gzip"  # What `bounded_body` unpacks.
    if authorization is not None:
        headers["authorization"] = authorization
    return headers


def decipher(status: int, headers: Mapping[str, str], body: bytes, *, method: str) -> Reply:
    """Read an answer.

    Raises:
        KovaError: the one that fits the status, or GitHubUnavailableError for what is no answer
            of GitHub's API at all.
    """
    with translate_errors(method):
        # A tree of 100,000 entries, the most that GitHub lists at once, has 700,000.
        check_values(body)
        decoded, _, next_url = sansio.decipher_response(status, headers, body)
    return Reply(data=decoded, next_url=next_url)


@contextmanager
def translate_errors(method: str) -> Iterator[None]:
    """Turn the errors of gidgethub and httpx into the domain's.

    Only their calls stand inside: gidgethub parses bodies and headers as they come, and so raises
    whatever garbage makes json, codecs and int raise.
    """
    try:
        yield
    except gidgethub.HTTPException as exc:
        raise _from_status(exc, method) from exc
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as exc:
        raise GitHubUnavailableError(method=method, cause=type(exc).__name__) from exc
    except (
        ValueError, LookupError, TypeError, AttributeError, RecursionError, ArithmeticError, OSError
    ) as exc:  # fmt: skip
        raise GitHubUnavailableError(
            "GitHub's answer cannot be read.", method=method, cause=type(exc).__name__
        ) from exc


def plan_retry(error: KovaError, *, attempt: int, repeatable: bool, jitter: float) -> float | None:
    """Return the seconds to wait before the next attempt, None when there shall be none.

    A request that met a rate limit was not carried out, so any may be sent again; after other
    failures only one that does no harm when carried out twice. `jitter` is between 0 and 1.
    """
    if attempt >= ATTEMPTS:
        return None
    if isinstance(error, GitHubRateLimitedError):
        wait = error.data.get("retry_after")
        return wait + jitter if isinstance(wait, float) and wait <= LONGEST_WAIT else None
    if isinstance(error, GitHubUnavailableError) and repeatable:
        return float(_FIRST_WAIT * 2 ** (attempt - 1) * (0.5 + jitter / 2))
    return None


def _from_status(exc: gidgethub.HTTPException, method: str) -> KovaError:
    message = shorten(_SECRET.sub("…", clean(str(exc))), MESSAGE_LIMIT)
    status = exc.status_code
    wait = _rate_limit_wait(exc, message)
    if wait is not None:
        return GitHubRateLimitedError(f"GitHub asks to wait: {message}", retry_after=wait)
    if status in _GONE:
        return RepositoryNotFoundError()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return GitHubUnavailableError(method=method, cause=message)
    return GitHubRefusedError(
        f"GitHub refuses the request: {message}", refusal=_REFUSALS.get(status, "other")
    )


def graphql_error(error: Mapping[str, Any]) -> KovaError:
    """Return the error that fits one of those that GraphQL answers with, beside a status of 200.

    https://docs.github.com/graphql/guides/forming-calls-with-graphql
    """
    kind = str(error.get("type") or "")
    text = clean(str(error.get("message") or kind or "no reason"))
    message = shorten(_SECRET.sub("…", text), MESSAGE_LIMIT)
    if kind == "RATE_LIMITED":
        return GitHubRateLimitedError(
            f"GitHub asks to wait: {message}", retry_after=SECONDARY_WAIT, method="POST"
        )
    if kind == "NOT_FOUND":
        return RepositoryNotFoundError()
    refusal = "forbidden" if kind in {"FORBIDDEN", "INSUFFICIENT_SCOPES"} else "invalid"
    return GitHubRefusedError(f"GitHub refuses the request: {message}", refusal=refusal)


def _rate_limit_wait(exc: gidgethub.HTTPException, message: str) -> float | None:
    """Return the seconds to wait if this is one of the two rate limits.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    if exc.status_code not in {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}:
        return None
    after = exc.headers.get("retry-after", "")
    if after.isascii() and after.isdigit():
        return float(after[:9])
    reset = exc.headers.get("x-ratelimit-reset", "")
    spent = exc.headers.get("x-ratelimit-remaining") == "0"
    if spent and reset.isascii() and reset.isdigit():
        return max(float(reset[:12]) - time.time(), 0.0)
    limited = (
        spent or exc.status_code == HTTPStatus.TOO_MANY_REQUESTS or "rate limit" in message.lower()
    )
    return SECONDARY_WAIT if limited else None
