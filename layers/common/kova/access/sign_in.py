"""Sign in: whoever proved who they are gets a session, and later the same session again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from kova.access.identity import GITHUB, LOCAL, Identity, SignInRefusedError
from kova.access.person import (
    LIFETIME,
    ActiveSession,
    OpenedSession,
    Person,
    PersonSession,
    new_token,
    session_id,
)
from kova.access.sign_in_rules import admit_person
from kova.shared.exceptions import NotFoundError
from kova.shared.text import clean

if TYPE_CHECKING:
    from kova.access.confirm_access import ConfirmAccess
    from kova.access.ports import OneTimeValues, PeopleSessions
    from kova.access.sign_in_rules import SignInRules

LOCAL_OWNER: Final = Identity(provider=LOCAL, actor="local:owner", name="Owner")
"""Whoever can read what Kova prints where it runs."""
LINK_LIFETIME: Final = timedelta(hours=24)
_LINK: Final = "link"
_MOST_TOKEN_CHARACTERS: Final = 512
_MOST_BROWSER_CHARACTERS: Final = 200
_NAME_LIMIT: Final = 100
_LOG = logging.getLogger("kova.access")


class LinkSpentError(NotFoundError):
    """This link is used up, or over a day old. `kova sign-in`, where Kova runs, prints another."""

    reason = "link_spent"


class SignIn:
    """Begins, finds and ends the sessions of people."""

    def __init__(
        self,
        *,
        sessions: PeopleSessions,
        links: OneTimeValues,
        rules: SignInRules,
        providers: Collection[str],
        confirm: Callable[[], ConfirmAccess],
        now: Callable[[], datetime],
    ) -> None:
        """`providers` are those that are configured; `confirm` asks GitHub anew."""
        self._sessions = sessions
        self._links = links
        self._rules = rules
        self._providers = {LOCAL, *providers}
        self._confirm = confirm
        self._now = now

    async def make_link_token(self) -> str:
        """Return the token of a link that signs the local owner in, once."""
        token = new_token()
        await self._links.keep(_LINK, token, {"actor": LOCAL_OWNER.actor}, LINK_LIFETIME)
        return token

    async def look_at_link(self, token: str) -> Person:
        """Return whom a link would sign in; it works afterwards as before.

        Raises:
            LinkSpentError: the link was used, is too old, or never was.
        """
        if len(token) > _MOST_TOKEN_CHARACTERS or await self._links.look(_LINK, token) is None:
            raise LinkSpentError
        return admit_person(LOCAL_OWNER, self._rules)

    async def open_link(self, token: str, browser: str) -> OpenedSession:
        """Spend a link's token and begin a session.

        Raises:
            LinkSpentError: the link was used, is too old, or never was.
        """
        if len(token) > _MOST_TOKEN_CHARACTERS or await self._links.take(_LINK, token) is None:
            raise LinkSpentError
        return await self.begin(LOCAL_OWNER, browser)

    async def begin(
        self,
        identity: Identity,
        browser: str,
        *,
        lifetime: timedelta = LIFETIME,
        provider_token: str | None = None,
    ) -> OpenedSession:
        """Begin a session, always with a new token, whatever the browser had before."""
        token, now = new_token(), self._now()
        name = clean(identity.name).strip()[:_NAME_LIMIT] or identity.actor
        session = PersonSession(
            id=session_id(token),
            identity=replace(identity, name=name),
            created_at=now,
            expires_at=now + lifetime,
            confirmed_at=now,
            browser=clean(browser)[:_MOST_BROWSER_CHARACTERS],
        )
        if provider_token is not None:
            sealed = self._confirm().seal_token(provider_token, token, session.id)
            session = replace(session, sealed_token=sealed)
        await self._sessions.add(session)
        _LOG.info("signed in", extra={"actor": identity.actor})
        return OpenedSession(token=token, session=session)

    async def resume(self, token: str) -> ActiveSession | None:
        """Return the session of a browser's token with what its person may do now, or None.

        The role is the one that the rules give today. A session of a provider that is no longer
        configured, or that says no longer what it said, is over.

        Raises:
            ProviderUnavailableError: the provider has not answered for too long.
        """
        session = await self.find(token)
        if session is None:
            return None
        if session.identity.provider not in self._providers:
            await self._sessions.revoke(session.id, session.identity.actor)
            return None
        if session.identity.provider == GITHUB:
            session = await self._confirm().confirm(session, token)
        if session is None:
            return None
        try:
            person = admit_person(session.identity, self._rules)
        except SignInRefusedError:
            return None
        return ActiveSession(id=session.id, person=person)

    async def find(self, token: str) -> PersonSession | None:
        """Return the session of a browser's token as it is stored, or None."""
        if not token or len(token) > _MOST_TOKEN_CHARACTERS:
            return None
        return await self._sessions.get(session_id(token))

    async def list_sessions(self, actor: str) -> list[PersonSession]:
        """List the sessions of a person, newest first."""
        return await self._sessions.list(actor)

    async def end(self, session_id: str, actor: str) -> bool:
        """End a session of this person; False where the person has none of this id."""
        return await self._sessions.revoke(session_id, actor)
