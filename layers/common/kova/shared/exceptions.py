"""The errors of the core.

An error carries a machine-readable `reason` and data; it never knows an HTTP status. The web
layer maps classes to statuses in one place, and the worker decides about retries by class.
"""

from __future__ import annotations

from typing import ClassVar


class KovaError(Exception):
    """Something went wrong."""

    reason: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, **data: object) -> None:
        """Without a message, the class's docstring is the message."""
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.data = data
        super().__init__(self.message)


class InvalidInputError(KovaError):
    """The input is not valid."""

    reason = "invalid_input"


class MediaTypeError(InvalidInputError):
    """The body is of a media type that is not taken here."""

    reason = "unsupported_media_type"


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


class RestrictedError(ForbiddenError):
    """This needs a key, or a role, that is not restricted to some repositories."""

    reason = "restricted"


class OwnerNotAllowedError(ForbiddenError):
    """KOVA_ALLOWED_OWNERS does not name the owner of this repository."""

    reason = "owner_not_allowed"


class DirectAddressError(KovaError):
    """This address answers only through the CDN in front of it."""

    reason = "direct_address"


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


class SchemaOutdatedError(DatabaseUnavailableError):
    """The tables of the database are older than this version of Kova: run `kova migrate`."""

    reason = "schema_outdated"


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


class IndexUnavailableError(UnavailableError):
    """The code index does not answer."""

    reason = "index_unavailable"


class BusyError(KovaError):
    """Another worker has this in hand."""

    reason = "busy"


class StaleHeadError(KovaError):
    """GitHub shows the branch as it was before a push that Kova knows of."""

    reason = "stale_head"


class GenerationMovedError(ConflictError):
    """Another scan has changed the errors meanwhile."""

    reason = "generation_moved"


class HeadMovedError(ConflictError):
    """Other scans changed the errors of the branch again and again meanwhile."""

    reason = "head_moved"


class StaleFixError(KovaError):
    """The file is no longer the one that the fix was proved on: a new scan proves it again."""

    reason = "stale_fix"


class MalformedMessageError(KovaError):
    """The queue message is not one of ours."""

    reason = "malformed_message"


class ModelError(KovaError):
    """A model provider did not answer as it should."""

    reason = "model_error"


class ModelUnavailableError(ModelError):
    """The provider does not answer, or answers with an error of its own."""

    reason = "model_unavailable"


class ModelRateLimitedError(ModelUnavailableError):
    """The provider asks to wait."""

    reason = "model_rate_limited"


class ModelTimeoutError(ModelError):
    """The provider does not answer in time."""

    reason = "model_timeout"


class ModelCutError(ModelError):
    """The provider's answer broke off."""

    reason = "model_cut"


class ModelMisconfiguredError(ModelError):
    """The provider refuses the key, the model or the request."""

    reason = "model_misconfigured"


class ModelNonsenseError(ModelError):
    """The provider's answer is not one of its API."""

    reason = "model_nonsense"


class AiNotConfiguredError(NotConfiguredError):
    """No model provider is configured: set OPENAI_API_KEY or ANTHROPIC_API_KEY."""

    reason = "ai_not_configured"


class AiMisconfiguredError(NotConfiguredError):
    """The model provider refuses our key or model."""

    reason = "ai_misconfigured"


class BudgetExhaustedError(KovaError):
    """The budget of this month does not allow it."""

    reason = "budget_exhausted"


class AiUnavailableError(UnavailableError):
    """No model provider answers."""

    reason = "ai_unavailable"


class AiTimeoutError(AiUnavailableError):
    """No model provider answered in time."""

    reason = "ai_timeout"


class AiDeclinedError(KovaError):
    """The model did not answer the command in full."""

    reason = "ai_declined"


class AiRefusalError(AiDeclinedError):
    """The model refuses to answer this."""

    reason = "ai_refusal"


class AiTruncatedError(AiDeclinedError):
    """The answer is longer than max_output_tokens allows."""

    reason = "ai_truncated"


class AiBadAnswerError(KovaError):
    """The model's answer cannot be used."""

    reason = "ai_bad_answer"


class AiEmptyError(AiBadAnswerError):
    """The model's answer is empty."""

    reason = "ai_empty"


class AiNotJsonError(AiBadAnswerError):
    """The model's answer is not JSON."""

    reason = "ai_not_json"


class AiWrongShapeError(AiBadAnswerError):
    """The model's answer has not the agreed shape."""

    reason = "ai_wrong_shape"


class AiNulError(AiBadAnswerError):
    """The model's answer holds NUL."""

    reason = "ai_nul"


class AiCutError(AiBadAnswerError):
    """The model's answer broke off."""

    reason = "ai_cut"
