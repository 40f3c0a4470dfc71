"""What access control needs from outside: keys, counted calls, requests by Idempotency-Key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from kova.shared.reach import EVERYTHING

if TYPE_CHECKING:
    from kova.access.admission import Admission, Caller
    from kova.access.api_key import ApiKey, Scope
    from kova.access.idempotency import IdempotencyClaim, IdempotentRequest, StoredAnswer
    from kova.access.identity import Identity, ProvenIdentity, SignInAttempt
    from kova.access.person import PersonSession
    from kova.shared.page import Page, PageRequest
    from kova.shared.reach import Reach


class Admissions(Protocol):
    """Remembers keys and counts calls. Errors are RedisUnavailableError."""

    async def admit(
        self, caller: Caller, remember: ApiKey | None = None, *, gives_back: bool = False
    ) -> Admission:
        """Count one call and return the limit's verdict.

        Args:
            caller: without credentials, or with the wrong secret of a remembered key, the call
                counts for the address.
            remember: a key that was just looked up, to remember for KEY_SECONDS.
            gives_back: with `remember`, the address counted the look-up, and gets it back.
        """

    async def forget(self, prefix: str) -> None:
        """Forget a revoked key at once."""


class ApiKeyStore(Protocol):
    """API keys."""

    async def create(
        self,
        *,
        name: str,
        prefix: str,
        secret_hash: bytes,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
        monthly_budget_usd: Decimal | None = None,
        reach: Reach = EVERYTHING,
    ) -> ApiKey:
        """Store and return a key."""

    async def use(self, prefix: str, secret_hash: bytes, now: datetime) -> ApiKey | None:
        """Return a key, and note when it was last used (to the minute).

        None where no key has this prefix and the secret of this hash: then nothing is noted.
        """

    async def page(self, request: PageRequest) -> Page[ApiKey]:
        """Return a page of keys, newest first."""

    async def list(self) -> list[ApiKey]:
        """Return all keys, oldest first."""

    async def revoke(self, prefix: str, now: datetime) -> ApiKey | None:
        """Revoke and return a key; None if there is no such key."""


class IdempotencyStore(Protocol):
    """Requests by their Idempotency-Key."""

    async def claim(self, request: IdempotentRequest, lease: timedelta) -> IdempotencyClaim:
        """Claim the request, or return the claim of an earlier one.

        Raises:
            IdempotencyError: the key stands for another request.
        """

    async def settle(self, claim_id: str, answer: StoredAnswer) -> None:
        """Store the answer for repetitions."""

    async def release(self, claim_id: str) -> None:
        """Release the claim: the next request with this key does the work."""


class KeyVault(Protocol):
    """Where the owner of an installation reads its first key. Errors are UnavailableError."""

    async def load(self) -> str:
        """Return the key in the clear; an empty text where there is none."""

    async def store(self, plaintext: str) -> None:
        """Store the key for its owner."""


class PeopleSessions(Protocol):
    """Sessions of people in browsers. Errors are RedisUnavailableError.

    A session ends at its `expires_at`, and earlier where nobody uses it for IDLE.
    """

    async def add(self, session: PersonSession) -> None:
        """Store a new session."""

    async def get(self, session_id: str) -> PersonSession | None:
        """Return a session, and note its use; None where it has ended or never was."""

    async def update(self, session: PersonSession) -> None:
        """Store what has changed of a session; one that has ended stays so."""

    async def claim_confirmation(self, session_id: str, lease: timedelta) -> bool:
        """True for one caller in the time of a lease: who asks the provider about a session."""

    async def note_change(self) -> None:
        """Note that somebody may see something else from now on, for some minutes."""

    async def changed_at(self) -> datetime | None:
        """Return when that was noted last; None where it was not lately."""

    async def revoke(self, session_id: str, actor: str) -> bool:
        """End a session of this person; False where the person has none of this id."""

    async def list(self, actor: str) -> list[PersonSession]:
        """Return the sessions of a person, newest first."""


class OneTimeValues(Protocol):
    """Values that can be read once, by a secret. Errors are RedisUnavailableError."""

    async def keep(
        self, kind: str, secret: str, values: Mapping[str, str], lifetime: timedelta
    ) -> None:
        """Keep values for a time."""

    async def look(self, kind: str, secret: str) -> dict[str, str] | None:
        """Return values that can still be taken; None where there are none (any more)."""

    async def take(self, kind: str, secret: str) -> dict[str, str] | None:
        """Return values and forget them; None where there are none (any more)."""


class IdentityProvider(Protocol):
    """Where people prove who they are. Errors are ProviderUnavailableError."""

    async def authorization_address(self, attempt: SignInAttempt) -> str:
        """Return the page of the provider where somebody proves who they are."""

    async def identify(self, code: str, attempt: SignInAttempt) -> ProvenIdentity:
        """Exchange the code that the provider sent back; it works once.

        Raises:
            SignInRefusedError: the code, or what it is exchanged for, is not as it should be.
        """


class AccessSource(Protocol):
    """A provider that says again and again what somebody may see."""

    async def read_identity(self, token: str) -> Identity:
        """Return what a person's token shows.

        Raises:
            SignInRefusedError: the provider refuses the token.
            ProviderUnavailableError: the provider does not answer.
        """


class TokenSeal(Protocol):
    """Makes texts unreadable without a key of 256 bits."""

    def seal(self, text: str, *, key: bytes, about: str) -> str:
        """Return a text sealed, bound to what it is about."""

    def open(self, sealed: str, *, key: bytes, about: str) -> str | None:
        """Return a sealed text; None with another key, about something else, or changed."""
