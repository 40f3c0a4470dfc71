"""Ask a provider again what somebody may see, while their session lasts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from kova.access.identity import ProviderUnavailableError, SignInRefusedError
from kova.access.person import PersonSession, sealing_key
from kova.access.sign_in_rules import SignInRules, admit_person

if TYPE_CHECKING:
    from kova.access.identity import Identity
    from kova.access.ports import AccessSource, PeopleSessions, TokenSeal

CONFIRM_EVERY: Final = timedelta(minutes=5)
GRACE: Final = timedelta(hours=1)
"""So long after its last answer, a provider that is down closes the sessions that it gave."""
LEASE: Final = timedelta(seconds=30)
"""Between two questions about one session, also where the first was not answered."""
# The event came to another machine, and GitHub may show what it tells of a little later.
_CLOCKS_DIFFER: Final = timedelta(seconds=10)
_LOG = logging.getLogger("kova.access")


class ConfirmAccess:
    """Keeps the recorded identities of sessions true."""

    def __init__(
        self,
        *,
        sessions: PeopleSessions,
        source: AccessSource,
        seal: TokenSeal,
        rules: SignInRules,
        now: Callable[[], datetime],
    ) -> None:
        self._sessions = sessions
        self._source = source
        self._seal = seal
        self._rules = rules
        self._now = now

    def seal_token(self, provider_token: str, token: str, session_id: str) -> str:
        """Return a person's token at the provider, sealed by the secret of their session."""
        return self._seal.seal(provider_token, key=sealing_key(token), about=session_id)

    async def confirm(self, session: PersonSession, token: str) -> PersonSession | None:
        """Return a session whose identity was confirmed lately; None where it is over now.

        Args:
            session: one of a provider that can be asked again.
            token: the secret of the browser's cookie.

        Raises:
            ProviderUnavailableError: the provider has not answered for GRACE.
        """
        age = self._now() - session.confirmed_at
        if age < CONFIRM_EVERY and not await self._has_changed(session):
            return session
        if await self._sessions.claim_confirmation(session.id, LEASE):
            try:
                return await self._ask(session, token)
            except SignInRefusedError as exc:
                _LOG.info(
                    "session ended",
                    extra={"actor": session.identity.actor, "reason": exc.reason},
                )
                await self._sessions.revoke(session.id, session.identity.actor)
                return None
            except ProviderUnavailableError as exc:
                _LOG.warning("access not confirmed", extra={"reason": exc.reason})
        if age < GRACE:
            return session
        raise ProviderUnavailableError(
            "GitHub does not answer, and has not said for an hour what you may see. Try again in a"
            " minute.",
            retry_after=LEASE.total_seconds(),
        )

    async def _has_changed(self, session: PersonSession) -> bool:
        """True where somebody's rights changed since, as GitHub has told."""
        changed_at = await self._sessions.changed_at()
        return changed_at is not None and changed_at + _CLOCKS_DIFFER > session.confirmed_at

    async def _ask(self, session: PersonSession, token: str) -> PersonSession:
        provider_token = None
        if session.sealed_token is not None:
            provider_token = self._seal.open(
                session.sealed_token, key=sealing_key(token), about=session.id
            )
        if provider_token is None:
            raise SignInRefusedError
        identity = await self._source.read_identity(provider_token)
        if identity.actor.lower() != session.identity.actor.lower():
            raise SignInRefusedError
        admit_person(identity, self._rules)
        confirmed = _confirmed(session, identity, self._now())
        await self._sessions.update(confirmed)
        return confirmed


def _confirmed(session: PersonSession, identity: Identity, now: datetime) -> PersonSession:
    """Return the session with today's reach; the name stays as it was recorded."""
    recorded = replace(session.identity, reach=identity.reach)
    return replace(session, identity=recorded, confirmed_at=now)
