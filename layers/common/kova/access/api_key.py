"""API keys: shown once, kept as a hash."""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from kova.shared.reach import EVERYTHING, Reach

_KEY: Final = re.compile(r"^kova_([a-z2-7]{12})_([a-z2-7]{52})$")


class Scope(enum.StrEnum):
    """What a key may do."""

    READ = "read"
    SCAN = "scan"
    AI = "ai"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key without its secret. `secret_hash` is SHA-256: the secret has 256 random bits."""

    id: str
    name: str
    prefix: str
    secret_hash: bytes
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    monthly_budget_usd: Decimal | None = None
    reach: Reach = EVERYTHING

    def is_usable(self, now: datetime) -> bool:
        """True if the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key just generated: `plaintext` is shown once and never stored."""

    plaintext: str
    prefix: str
    secret_hash: bytes


def generate_key() -> NewKey:
    """Make a key: `kova_<prefix>_<secret>`, both base32 in lower case."""
    prefix = _base32(secrets.token_bytes(8))[:12]
    secret = _base32(secrets.token_bytes(32))
    return NewKey(
        plaintext=f"kova_{prefix}_{secret}", prefix=prefix, secret_hash=hash_secret(secret)
    )


def split_key(plaintext: str) -> tuple[str, str] | None:
    """Return prefix and secret; None if the text does not have the form of a key."""
    match = _KEY.fullmatch(plaintext)
    return (match[1], match[2]) if match else None


def hash_secret(secret: str) -> bytes:
    """Return the hash of a secret, which is stored in its place."""
    return hashlib.sha256(secret.encode()).digest()


def secret_matches(secret: str, secret_hash: bytes) -> bool:
    """True if the secret has this hash; compares in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)


def _base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode().rstrip("=").lower()
