"""Sign in: whoever proved who they are gets a session, and later the same session again."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from kova.access.person import LIFETIME, OpenedSession, Person, PersonSession, new_token
from kova.access.sign_in_rules import person_now
from kova.access.subject import Role
from kova.shared.exceptions import NotFoundError
from kova.shared.reach import EVERYTHING
from kova.shared.text import clean

if TYPE_CHECKING:
    from kova.access.ports import OneTimeValues, PeopleSessions
    from kova.access.sign_in_rules import SignInRules

LOCAL_OWNER: Final = Person(actor="local:owner", name="Owner", role=Role.ADMIN, reach=EVERYTHING)
"""Whoever can read what Kova prints where it runs."""
LINK_LIFETIME: Final = timedelta(hours=24)
_LINK: Final = "link"
_MOST_TOKEN_CHARACTERS: Final = 512
_MOST_BROWSER_CHARACTERS: Final = 200
_LOG = logging.getLogger("kova.access")


class LinkSpentError(NotFoundError):
    """This link is used up, or over a day old. `kova sign-in`, where Kova runs, prints another."""

    reason = "link_spent"


class SignIn:
    """Begins, finds and ends the sessions of people."""

    def __init__(
        self, *, sessions: PeopleSessions, links: OneTimeValues, rules: SignInRules
    ) -> None:
        self._sessions = sessions
        self._links = links
        self._rules = rules

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
        return LOCAL_OWNER

    async def open_link(self, token: str, browser: str) -> OpenedSession:
        """Spend a link's token and begin a session.

        Raises:
            LinkSpentError: the link was used, is too old, or never was.
        """
        if len(token) > _MOST_TOKEN_CHARACTERS or await self._links.take(_LINK, token) is None:
            raise LinkSpentError
        return await self.begin(LOCAL_OWNER, browser)

    async def begin(
        self, person: Person, browser: str, *, lifetime: timedelta = LIFETIME
    ) -> OpenedSession:
        """Begin a session, always with a new token, whatever the browser had before."""
        opened = await self._sessions.create(
            person, lifetime=lifetime, browser=clean(browser)[:_MOST_BROWSER_CHARACTERS]
        )
        _LOG.info("signed in", extra={"actor": person.actor, "role": person.role.value})
        return opened

    async def resume(self, token: str) -> PersonSession | None:
        """Return the session of a browser's token, or None.

        The person has the role that the rules give them today, not the one of their sign-in.
        """
        if not token or len(token) > _MOST_TOKEN_CHARACTERS:
            return None
        session = await self._sessions.get(token)
        person = person_now(session.person, self._rules) if session is not None else None
        if session is None or person is None:
            return None
        return replace(session, person=person)

    async def list_sessions(self, actor: str) -> list[PersonSession]:
        """List the sessions of a person, newest first."""
        return await self._sessions.list(actor)

    async def end(self, session_id: str, actor: str) -> bool:
        """End a session of this person; False where the person has none of this id."""
        return await self._sessions.revoke(session_id, actor)
