"""Make Kova's GitHub App: a one-time token opens a session, GitHub's code becomes credentials."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from kova.setup.credentials import AppCredentials
from kova.setup.exceptions import (
    AppConfiguredError,
    AppLostError,
    SetupCodeError,
    SetupSessionError,
    SetupTokenError,
)
from kova.setup.manifest import apps_address
from kova.setup.ports import AppRegistration, CredentialStore
from kova.setup.session import (
    MOST_TOKEN_CHARACTERS,
    digest,
    new_session,
    session_is_valid,
    state_matches,
    state_of,
    token_matches,
)
from kova.shared.exceptions import GitHubUnavailableError, KovaError, NotFoundError

_LOG = logging.getLogger("kova.setup")
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


class CreateApp:
    """The steps of the setup. Each ends in NotFoundError as soon as an App is configured."""

    def __init__(
        self,
        *,
        token: str | None,
        store: CredentialStore,
        registration: AppRegistration,
        web_address: str,
        now: Callable[[], datetime],
    ) -> None:
        """Without a token there is no setup."""
        self._token = token
        self._store = store
        self._registration = registration
        self._web_address = web_address
        self._now = now

    async def open_session(self, presented: str) -> str:
        """Spend the one-time token and return a session.

        Raises:
            NotFoundError: there is no setup (any more), or the token was used before.
            SetupTokenError: it is another token.
        """
        token = await self._open_token()
        is_right = token_matches(presented[:MOST_TOKEN_CHARACTERS], token)
        if not is_right:
            raise SetupTokenError
        if not await self._store.spend(digest(token)):
            raise NotFoundError
        return new_session(token, self._now())

    async def require_open(self) -> None:
        """Check that there is a setup.

        Raises:
            NotFoundError: there is none, or an App is configured.
        """
        await self._open_token()

    async def state(self, session: str | None) -> str:
        """Return the `state` to send with the manifest.

        Raises:
            NotFoundError: there is no setup.
            SetupSessionError: the session is none of ours, or it has ended.
        """
        return state_of(*await self._require_session(session))

    async def create(self, session: str | None, code: str, state: str) -> AppCredentials:
        """Exchange GitHub's code, store the App's credentials, and return them.

        Raises:
            NotFoundError: there is no setup.
            SetupSessionError: session or state are none of ours, or the session has ended.
            SetupCodeError: GitHub does not accept the code.
            AppLostError: GitHub made the App, and its credentials are lost.
            GitHubUnavailableError: GitHub did not answer; the code may have been used.
        """
        session, token = await self._require_session(session)
        if not state_matches(state, session, token):
            raise SetupSessionError
        if not _CODE.fullmatch(code):
            raise SetupCodeError
        credentials = await self._exchange(code)
        await self._save(credentials)
        _LOG.info("GitHub App stored", extra={"app": credentials.slug, "id": credentials.app_id})
        return credentials

    async def _exchange(self, code: str) -> AppCredentials:
        code_hash = digest(code)
        was_sent = (await self._store.progress()).exchanged_code == code_hash
        if not was_sent:
            await self._store.note_exchange(code_hash)
        address = apps_address(self._web_address, None)
        try:
            return await self._registration.exchange(code)
        except SetupCodeError as exc:
            if not was_sent:
                raise
            # An earlier attempt sent it, and ended before the answer was stored.
            raise AppLostError(
                "Kova was interrupted before it could store the key of the App that GitHub made."
                f" Delete the App at {address} (or among your organisation's Apps), and begin"
                " anew.",
                address=address,
            ) from exc
        except GitHubUnavailableError as exc:
            raise GitHubUnavailableError(
                "GitHub did not answer. Reload this page in a minute. If that does not help, delete"
                f" the App at {address} (or among your organisation's Apps), and begin anew."
            ) from exc

    async def _save(self, credentials: AppCredentials) -> None:
        try:
            await self._store.save(credentials)
        except KovaError as exc:
            # GitHub shows these credentials once. Nobody may believe that all is well.
            organization = credentials.owner if credentials.owned_by_organization else None
            address = f"{apps_address(self._web_address, organization)}/{credentials.slug}/advanced"
            _LOG.error(
                "GitHub App lost: delete it and begin anew",
                extra={"app": credentials.slug, "reason": exc.reason, "address": address},
            )
            configured = isinstance(exc, AppConfiguredError)
            why = "another App is configured already" if configured else "it could not be stored"
            raise AppLostError(
                f"GitHub made the App {credentials.name}, but Kova does not have its key: {why}."
                f" Delete the App at {address}" + ("." if configured else ", and begin anew."),
                address=address,
            ) from exc

    async def _open_token(self) -> str:
        if not self._token or (await self._store.progress()).is_configured:
            raise NotFoundError
        return self._token

    async def _require_session(self, session: str | None) -> tuple[str, str]:
        token = await self._open_token()
        if session is None or not session_is_valid(session, token, self._now()):
            raise SetupSessionError
        return session, token
