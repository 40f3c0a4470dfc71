"""People who signed in, and their sessions in browsers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kova.access.subject import ROLE_SCOPES, Role, Subject
from kova.shared.reach import Reach

LIFETIME: Final = timedelta(days=7)
"""After this everybody signs in again."""
IDLE: Final = timedelta(hours=24)
"""A session that nobody used for as long has ended."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who proved who they are; `actor` and `name` as those of a Subject.

    `hosted_domain` is the Google Workspace that they signed in from.
    """

    actor: str
    name: str
    role: Role
    reach: Reach
    hosted_domain: str | None = None


@dataclass(frozen=True, kw_only=True)
class PersonSession:
    """A person in a browser.

    Attributes:
        id: names the session in lists; nobody can get in with it.
        browser: what the browser says that it is.
    """

    id: str
    person: Person
    created_at: datetime
    expires_at: datetime
    browser: str = ""

    @property
    def subject(self) -> Subject:
        """Who calls in this session."""
        person = self.person
        return Subject(
            actor=person.actor,
            name=person.name,
            scopes=ROLE_SCOPES[person.role],
            reach=person.reach,
            key_id=None,
        )


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


def csrf_token(token: str) -> str:
    """Return what the forms of a session carry: only who has the session's secret can make it."""
    return hmac.digest(_octets(token), b"kova: forms", "sha256").hex()


def csrf_matches(presented: str, token: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), _octets(presented))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
