"""What can go wrong, in the domain's words.

An error carries a machine-readable `reason` and data; it never knows an HTTP status. The web
layer maps classes to statuses in one place, and the worker decides about retries by class.
"""

from __future__ import annotations

from typing import ClassVar


class KovaError(Exception):
    """Something went wrong."""

    reason: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, **data: object) -> None:
        """Take the class's docstring as the message unless one is given."""
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.data = data
        super().__init__(self.message)


class InvalidInputError(KovaError):
    """The input is not valid."""

    reason = "invalid_input"


class NotFoundError(KovaError):
    """There is no such thing."""

    reason = "not_found"


class ConflictError(KovaError):
    """The state of the thing does not allow this."""

    reason = "conflict"


class UnauthenticatedError(KovaError):
    """A valid API key is needed."""

    reason = "unauthenticated"


class ForbiddenError(KovaError):
    """The API key lacks the scope for this."""

    reason = "forbidden"


class RateLimitedError(KovaError):
    """Too many calls: wait as long as Retry-After says."""

    reason = "rate_limited"


class IdempotencyError(InvalidInputError):
    """The Idempotency-Key was used with another request."""

    reason = "idempotency_key_reused"


class IdempotencyInProgressError(ConflictError):
    """The first request with this Idempotency-Key has not been answered yet."""

    reason = "idempotency_in_progress"


class SignatureError(KovaError):
    """The webhook's signature does not match."""

    reason = "bad_signature"


class NotConfiguredError(KovaError):
    """A setting that this needs is missing."""

    reason = "not_configured"


class UnavailableError(KovaError):
    """A service that this needs does not answer."""

    reason = "unavailable"


class DatabaseUnavailableError(UnavailableError):
    """The database does not answer."""

    reason = "database_unavailable"


class QueueUnavailableError(UnavailableError):
    """The queue does not accept messages."""

    reason = "queue_unavailable"


class RedisUnavailableError(UnavailableError):
    """Redis does not answer."""

    reason = "redis_unavailable"


class GitHubUnavailableError(UnavailableError):
    """GitHub does not answer, or answers with an error of its own."""

    reason = "github_unavailable"


class GitHubRateLimitedError(GitHubUnavailableError):
    """GitHub asks to wait."""

    reason = "github_rate_limited"


class GitHubRefusedError(KovaError):
    """GitHub refuses the request."""

    reason = "github_refused"


class RepositoryNotFoundError(NotFoundError):
    """GitHub shows no such repository, commit or branch to this installation."""

    reason = "repository_not_found"


class BusyError(KovaError):
    """Another worker has this in hand."""

    reason = "busy"


class MalformedMessageError(KovaError):
    """The queue message is not one of ours."""

    reason = "malformed_message"
