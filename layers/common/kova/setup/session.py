"""The session that a one-time token opens, without anything remembered: signed with the token.

Every process that has the token can check a session, whichever process opened it. `state` is bound
to the session; https://datatracker.ietf.org/doc/html/rfc6749#section-10.12 says why it is there.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Final

LIFETIME: Final = timedelta(hours=1)
"""GitHub wants the whole flow to be done within an hour."""
MOST_TOKEN_CHARACTERS: Final = 512
_SESSION: Final = re.compile(r"(\d{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})")


def new_token() -> str:
    """Return a one-time token that nobody guesses: 256 bits."""
    return secrets.token_urlsafe(32)


def digest(text: str) -> str:
    """Return the hash by which a token or a code is remembered."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def token_matches(presented: str, token: str) -> bool:
    """Compare tokens in a time that tells nothing about either."""
    return hmac.compare_digest(digest(presented), digest(token))


def new_session(token: str, now: datetime) -> str:
    """Return a session that ends after LIFETIME."""
    content = f"{int((now + LIFETIME).timestamp())}.{secrets.token_hex(16)}"
    return f"{content}.{_sign(token, 'session', content)}"


def session_is_valid(session: str, token: str, now: datetime) -> bool:
    """True if the token's holder opened the session and it has not ended."""
    match = _SESSION.fullmatch(session)
    if match is None or not match[1].isascii():
        return False
    content = f"{match[1]}.{match[2]}"
    signed = hmac.compare_digest(_sign(token, "session", content), match[3])
    return signed and int(match[1]) > now.timestamp()


def state_of(session: str, token: str) -> str:
    """Return the session's `state`: GitHub hands it back with the code."""
    return _sign(token, "state", session)


def state_matches(presented: str, session: str, token: str) -> bool:
    """Compare states in constant time."""
    expected = state_of(session, token).encode()
    return hmac.compare_digest(expected, presented.encode("utf-8", "surrogatepass"))


def _sign(token: str, purpose: str, content: str) -> str:
    return hmac.new(token.encode(), f"{purpose}:{content}".encode(), hashlib.sha256).hexdigest()
