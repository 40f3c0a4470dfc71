"""The Apps that a GitHub knows."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CODE_LIFETIME = timedelta(hours=1)


def new_key() -> str:
    """Return a new private key as PEM."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@cache
def app_key() -> str:
    """Return a private key as PEM, the same for the whole process: generating one is slow."""
    return new_key()


@cache
def public_key(private_key_pem: str) -> rsa.RSAPublicKey:
    """Return the public half of a key."""
    private = serialization.load_pem_private_key(private_key_pem.encode(), None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("an App's key is an RSA key")
    return private.public_key()


@dataclass(kw_only=True)
class RegisteredApp:
    """One App. An `installation_id` of None: it is installed nowhere."""

    id: int
    name: str
    slug: str
    owner: str = "octocat"
    owner_type: str = "User"
    description: str = ""
    url: str = "https://example.com"
    hook_url: str | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    private_key_pem: str = field(repr=False)
    webhook_secret: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    client_id: str = field(default_factory=lambda: f"Iv23{secrets.token_hex(8)}")
    client_secret: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    installation_id: int | None = None
    suspended: bool = False
    code: str | None = None

    def take_code(self, code: str, now: datetime) -> bool:
        """True if this is the App's code, for the first time and within an hour."""
        if self.code is None or not secrets.compare_digest(self.code, code):
            return False
        self.code = None
        return now < self.created_at + CODE_LIFETIME

    def view(self, url: str) -> dict[str, Any]:
        """Return it as GitHub's API shows it."""
        moment = self.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "id": self.id,
            "slug": self.slug,
            "node_id": f"A_{self.id}",
            "client_id": self.client_id,
            "owner": {"login": self.owner, "id": 583_231, "type": self.owner_type},
            "name": self.name,
            "description": self.description,
            "external_url": self.url,
            "html_url": f"{url}/apps/{self.slug}",
            "created_at": moment,
            "updated_at": moment,
            "permissions": self.permissions,
            "events": self.events,
            "installations_count": int(self.installation_id is not None),
        }
