"""Tokens as Google mints them, and as nobody should."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

LIFETIME_SECONDS: Final = 3_600


@dataclass(frozen=True, kw_only=True)
class GoogleAccount:
    """Somebody with an account; `hosted_domain` is None for one that belongs to no Workspace."""

    address: str
    name: str = "Zoe"
    verified: bool = True
    hosted_domain: str | None = None
    subject: str = "110169484474386276334"


@dataclass(kw_only=True)
class Tampering:
    """How the next tokens differ from good ones.

    Attributes:
        claims: replace those of a good token; None takes a claim away.
        signing: `good`; `none` without a signature; `other` with another private key under the
            good key's name; `hs256` with the public key's text as the secret; `unknown` with a key
            that is not among the published ones.
        mangle: replaces the whole token.
    """

    claims: dict[str, Any] = field(default_factory=dict)
    signing: str = "good"
    mangle: str | None = None


@cache
def signing_key(name: str) -> rsa.RSAPrivateKey:
    """Return a private key, the same for the whole process: generating one is slow."""
    del name
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def key_set(name: str) -> dict[str, Any]:
    """Return the published keys."""
    key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(signing_key(name).public_key()))
    return {"keys": [{**key, "kid": name, "use": "sig", "alg": "RS256"}]}


def mint(
    *, issuer: str, client_id: str, account: GoogleAccount, nonce: str, tampering: Tampering
) -> str:
    """Return the token of somebody who consented."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": client_id,
        "azp": client_id,
        "sub": account.subject,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "nonce": nonce,
        "email": account.address,
        "email_verified": account.verified,
        "name": account.name,
    }
    if account.hosted_domain is not None:
        claims["hd"] = account.hosted_domain
    claims |= tampering.claims
    claims = {name: value for name, value in claims.items() if value is not None}
    if tampering.mangle is not None:
        return tampering.mangle
    return _sign(claims, tampering.signing)


def _sign(claims: Mapping[str, Any], signing: str) -> str:
    if signing == "none":
        return _unsigned(claims)
    if signing == "hs256":
        return _signed_with_public_key(claims)
    key_names = {"good": ("k1", "k1"), "other": ("other", "k1"), "unknown": ("k9", "k9")}
    key, name = key_names[signing]
    return jwt.encode(dict(claims), signing_key(key), algorithm="RS256", headers={"kid": name})


def _unsigned(claims: Mapping[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT", "kid": "k1"}, dict(claims))
    return ".".join(_encode(json.dumps(part).encode()) for part in parts) + "."


def _signed_with_public_key(claims: Mapping[str, Any]) -> str:
    """Sign with HMAC and the public key as the secret, which a careless check takes as valid."""
    import hashlib
    import hmac

    secret = (
        signing_key("k1")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    parts = ({"alg": "HS256", "typ": "JWT", "kid": "k1"}, dict(claims))
    content = ".".join(_encode(json.dumps(part).encode()) for part in parts)
    return f"{content}.{_encode(hmac.new(secret, content.encode(), hashlib.sha256).digest())}"


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
