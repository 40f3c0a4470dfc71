"""The name of every key in Redis: `kova:<role>:...`, one function a kind.

Roles are `limit` (rate limits), `cache` (what can be made again), `session` (what people lose when
it goes) and `metric` (sums until they are scraped). What comes from outside is hashed or is an id
of ours, so that no key is long, secret or somebody else's.
"""

from __future__ import annotations

import hashlib
from typing import Final

PREFIX: Final = "kova"


def digest(*parts: str) -> str:
    """Return a short name for something long or secret."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:32]


def rate_limit(policy: str, caller: str) -> str:
    """Return the key of one caller's limit under one policy."""
    return f"{PREFIX}:limit:{policy}:{digest(caller)}"


def api_key(prefix: str) -> str:
    """Return the key of an API key that is remembered for seconds.

    Records of earlier releases, which were not sealed, had other names; so had the answers and
    sessions below.
    """
    return f"{PREFIX}:cache:sealed-api-key:{prefix}"


def valid_api_key(prefix: str, secret_hash: bytes) -> str:
    """Return the key that is there for a while after an API key was found valid."""
    return f"{PREFIX}:cache:valid-api-key:{digest(prefix, secret_hash.hex())}"


def metric_sums() -> str:
    """Return the key of every count's sum."""
    return f"{PREFIX}:metric:sums"


def metric_parcel(process: str) -> str:
    """Return the key of the last parcel that a process brought."""
    return f"{PREFIX}:metric:parcel:{process}"


def answer(identity: str) -> str:
    """Return the key of an answer, by the hash of all that made it."""
    return f"{PREFIX}:cache:sealed-answer:{digest(identity)}"


def session_owner(session_id: str) -> str:
    """Return the key that holds whose session it is."""
    return f"{PREFIX}:session:sealed:{digest(session_id)}:owner"


def session_turns(session_id: str) -> str:
    """Return the key of a session's turns."""
    return f"{PREFIX}:session:sealed:{digest(session_id)}:turns"


def person_session(session_id: str) -> str:
    """Return the key of a person's session, by its id."""
    return f"{PREFIX}:session:sealed-person:{digest(session_id)}"


def person_sessions(actor: str) -> str:
    """Return the key of the ids of a person's sessions."""
    return f"{PREFIX}:session:people:{digest(actor)}"


def session_confirmation(session_id: str) -> str:
    """Return the key that somebody holds who asks a provider about a person's session."""
    return f"{PREFIX}:session:confirmation:{digest(session_id)}"


def rights_change() -> str:
    """Return the key of the moment at which somebody's rights changed last."""
    return f"{PREFIX}:session:rights-change"


def one_time(kind: str, secret: str) -> str:
    """Return the key of values that are read once."""
    return f"{PREFIX}:session:sealed-once:{kind}:{digest(secret)}"
