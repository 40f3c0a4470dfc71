"""Identifies callers: the App by its JWT, an installation or a person by a token, or nobody."""

from __future__ import annotations

import enum
import secrets
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt

from kova_fakes.github.apps import RegisteredApp, app_key, public_key
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
    USER = "user"
    """Somebody who signed in: their token is one of an App."""


@dataclass(frozen=True, kw_only=True)
class GitHubCaller:
    """Who calls, and as which App: an App's own calls and those of its installation."""

    kind: CallerKind
    app: RegisteredApp | None = None
    token: str | None = None


class GitHubCredentials:
    """The App that is there from the start, its installation, and a personal token."""

    def __init__(self, app: RegisteredApp, token: str) -> None:
        self.app = app
        self.app_id = str(app.id)
        self.private_key_pem = app.private_key_pem
        self.token = token
        assert app.installation_id is not None
        self.installation_id = app.installation_id
        self._lock = threading.Lock()
        self._installation_tokens: dict[str, tuple[RegisteredApp, datetime]] = {}

    def issue(self, app: RegisteredApp) -> tuple[str, datetime]:
        """Return a new token of the App's installation that expires in an hour, and when."""
        token = f"ghs_{secrets.token_hex(18)}"
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        with self._lock:
            self._installation_tokens[token] = (app, expires)
        return token, expires

    def expire_tokens(self) -> None:
        """Expire every installation token."""
        with self._lock:
            past = datetime.now(UTC) - timedelta(seconds=1)
            self._installation_tokens = {
                token: (app, past) for token, (app, _) in self._installation_tokens.items()
            }

    def identify(
        self,
        header: str | None,
        apps: Sequence[RegisteredApp] = (),
        user_tokens: Collection[str] = (),
    ) -> GitHubCaller:
        """Return the caller; `apps` are those that were made from manifests.

        Raises:
            ApiError: 401: the credentials are wrong.
        """
        if not header:
            return GitHubCaller(kind=CallerKind.NOBODY)
        scheme, _, value = header.partition(" ")
        if scheme.lower() not in {"bearer", "token"}:
            raise ApiError(401, "Bad credentials")
        if value == self.token:
            return GitHubCaller(kind=CallerKind.PERSON)
        if value in user_tokens:
            return GitHubCaller(kind=CallerKind.USER, token=value)
        with self._lock:
            app, expires = self._installation_tokens.get(value, (None, None))
        if expires is not None and datetime.now(UTC) < expires:
            if app is not None and app.suspended:
                raise ApiError(403, "This installation has been suspended")
            return GitHubCaller(kind=CallerKind.INSTALLATION, app=app)
        if value.count(".") == 2 and scheme.lower() == "bearer":  # noqa: PLR2004 (a JWT)
            return GitHubCaller(kind=CallerKind.APP, app=_app_of_jwt(value, [self.app, *apps]))
        raise ApiError(401, "Bad credentials")


def _app_of_jwt(token: str, apps: Sequence[RegisteredApp]) -> RegisteredApp:
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
    except jwt.InvalidTokenError as exc:
        raise ApiError(401, "A JSON web token could not be decoded") from exc
    for app in apps:
        if issuer in {str(app.id), app.client_id}:
            _check_jwt(token, app)
            return app
    raise ApiError(401, "Integration not found")


def _check_jwt(token: str, app: RegisteredApp) -> None:
    try:
        claims = jwt.decode(
            token,
            public_key(app.private_key_pem),
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


__all__ = ["CallerKind", "GitHubCaller", "GitHubCredentials", "app_key"]
