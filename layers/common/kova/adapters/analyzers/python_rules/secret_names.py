"""Which names say that their values must not be guessed."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

WORDS: Final = frozenset(
    """
    password passwd passphrase pwd secret secrets token tokens otp totp nonce csrf xsrf
    credential credentials apikey signature sessionid passcode pin cookie rememberme
    """.split()
)
PAIRS: Final = frozenset(
    """
    session_id api_key secret_key private_key auth_key access_key reset_code verification_code
    verify_code activation_code confirmation_code invite_code signing_key encryption_key
    remember_me auth_code login_code reset_key activation_key
    """.split()
)
# `cookie_name` says something about a cookie, and is none.
_ABOUT: Final = frozenset(
    """
    name names prefix suffix type field path url header length size domain expires expiry age
    label index idx delay interval timeout policy salt
    """.split()
)
_SEVERAL: Final = frozenset({"tokens", "secrets", "passwords", "keys", "credentials"})
_NOT_SECRET: Final = frozenset({"tokenizer", "tokenize", "max", "num", "count", "n", "len", "ids"})


def words_of(name: str) -> list[str]:
    """Split an identifier into lower-case words."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def is_secret_name(name: str) -> bool:
    """Tell whether a name says that its value must not be guessed."""
    words = words_of(name)
    if not words or not _NOT_SECRET.isdisjoint(words) or words[-1] in _ABOUT:
        return False
    pairs = {f"{first}_{second}" for first, second in pairwise(words)}
    return not WORDS.isdisjoint(words) or not PAIRS.isdisjoint(pairs)


def holds_secrets(name: str) -> bool:
    """Tell whether a name says that it holds several secrets, each of them whole."""
    words = words_of(name)
    return bool(words) and words[-1] in _SEVERAL
