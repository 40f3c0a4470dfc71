"""People who signed in, and their sessions in browsers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from kova.access.identity import Identity
from kova.access.subject import ROLE_SCOPES, Role, Subject
from kova.shared.reach import Reach

LIFETIME: Final = timedelta(days=7)
"""After this everybody signs in again."""
IDLE: Final = timedelta(hours=24)
"""A session that nobody used for as long has ended."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who may come in today; `actor` and `name` as those of a Subject."""

    actor: str
    name: str
    role: Role
    reach: Reach

    @property
    def subject(self) -> Subject:
        """Who calls."""
        return Subject(
            actor=self.actor,
            name=self.name,
            scopes=ROLE_SCOPES[self.role],
            reach=self.reach,
            key_id=None,
        )


@dataclass(frozen=True, kw_only=True)
class PersonSession:
    """A session in a browser, as it is stored: the rules of today say what its person may do.

    Attributes:
        id: names the session in lists; nobody can get in with it.
        identity: what the provider said last.
        browser: what the browser says that it is.
        confirmed_at: when the provider said so.
        sealed_token: the person's token at the provider, which only the browser's cookie opens;
            None where the provider cannot be asked again.
    """

    id: str
    identity: Identity
    created_at: datetime
    expires_at: datetime
    confirmed_at: datetime
    browser: str = ""
    sealed_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ActiveSession:
    """A session with what its person may do today."""

    id: str
    person: Person

    @property
    def subject(self) -> Subject:
        """Who calls in this session."""
        return self.person.subject


@dataclass(frozen=True, kw_only=True)
class OpenedSession:
    """A session just begun: `token` is the secret of the browser's cookie, and stored nowhere."""

    token: str
    session: PersonSession


def new_token() -> str:
    """Return a secret of 256 bits."""
    return secrets.token_urlsafe(32)


def session_id(token: str) -> str:
    """Return the id of the session that a token opens: half of its hash."""
    return hashlib.sha256(b"kova: session:" + _octets(token)).hexdigest()[:32]


def sealing_key(token: str) -> bytes:
    """Return the 256 bits that seal what a session keeps: nothing stored leads to them."""
    return hmac.digest(_octets(token), b"kova: sealed", "sha256")


def csrf_token(token: str) -> str:
    """Return what the forms of a session carry: only who has the session's secret can make it."""
    return hmac.digest(_octets(token), b"kova: forms", "sha256").hex()


def csrf_matches(presented: str, token: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), _octets(presented))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
