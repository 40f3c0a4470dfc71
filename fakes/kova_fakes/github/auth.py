"""Identifies callers: the App by its JWT, an installation or a person by a token, or nobody."""

from __future__ import annotations

import enum
import secrets
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kova_fakes.github.errors import ApiError

_LEEWAY: Final = 60
_LONGEST: Final = 600
_EXPIRED: Final = (
    "'Expiration time' claim ('exp') must be a numeric value representing the future time at "
    "which the assertion expires"
)
_NOT_YET: Final = (
    "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was "
    "issued"
)


class CallerKind(enum.Enum):
    """The kind of a caller."""

    NOBODY = "nobody"
    APP = "app"
    INSTALLATION = "installation"
    PERSON = "person"


@cache
def app_key() -> str:
    """Return a private key as PEM, the same for the whole process: generating one is slow."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


class GitHubCredentials:
    """The App, its installation, and a personal token."""

    def __init__(self, app_id: str, private_key_pem: str, token: str, installation_id: int) -> None:
        self.app_id = app_id
        self.private_key_pem = private_key_pem
        self.token = token
        self.installation_id = installation_id
        self._lock = threading.Lock()
        self._installation_tokens: dict[str, datetime] = {}
        private = serialization.load_pem_private_key(private_key_pem.encode(), None)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError("an App's key is an RSA key")
        self._public = private.public_key()

    def issue(self) -> tuple[str, datetime]:
        """Return a new installation token that expires in an hour, and when."""
        token = f"ghs_{secrets.token_hex(18)}"
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        with self._lock:
            self._installation_tokens[token] = expires
        return token, expires

    def expire_tokens(self) -> None:
        """Expire every installation token."""
        with self._lock:
            self._installation_tokens = dict.fromkeys(
                self._installation_tokens, datetime.now(UTC) - timedelta(seconds=1)
            )

    def identify(self, header: str | None) -> CallerKind:
        """Return the caller's kind.

        Raises:
            ApiError: 401: the credentials are wrong.
        """
        if not header:
            return CallerKind.NOBODY
        scheme, _, value = header.partition(" ")
        if scheme.lower() not in {"bearer", "token"}:
            raise ApiError(401, "Bad credentials")
        if value == self.token:
            return CallerKind.PERSON
        with self._lock:
            expires = self._installation_tokens.get(value)
        if expires is not None and datetime.now(UTC) < expires:
            return CallerKind.INSTALLATION
        if value.count(".") == 2 and scheme.lower() == "bearer":  # noqa: PLR2004 (a JWT)
            self._check_jwt(value)
            return CallerKind.APP
        raise ApiError(401, "Bad credentials")

    def _check_jwt(self, token: str) -> None:
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                leeway=_LEEWAY,
                options={"require": ["iat", "exp", "iss"], "verify_iss": False},
            )
        except jwt.ExpiredSignatureError as exc:
            raise ApiError(401, _EXPIRED) from exc
        except jwt.ImmatureSignatureError as exc:
            raise ApiError(401, _NOT_YET) from exc
        except jwt.InvalidTokenError as exc:
            raise ApiError(401, "A JSON web token could not be decoded") from exc
        now = datetime.now(UTC).timestamp()
        if (
            claims["exp"] - now > _LONGEST + _LEEWAY
            or claims["exp"] - claims["iat"] > _LONGEST + _LEEWAY
        ):
            raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
        if str(claims["iss"]) != self.app_id:
            raise ApiError(401, "Integration not found")
