"""Who may sign in, and as what: rules that stand in the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kova.access.identity import GITHUB, GOOGLE, LOCAL, Identity, SignInRefusedError
from kova.access.person import Person
from kova.access.subject import Role
from kova.shared.reach import EVERYTHING

_RULE: Final = re.compile(
    r"github:[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?|[^@\s:,*]{1,64}@[a-z0-9.-]{1,255}|@[a-z0-9.-]{1,255}"
)


def is_rule(text: str) -> bool:
    """True if the text is `name@domain`, `@domain` or `github:login`, in any case."""
    return _RULE.fullmatch(text.lower()) is not None


@dataclass(frozen=True, kw_only=True)
class SignInRules:
    """Which people have which role, the highest that names them; rules are in lower case.

    Attributes:
        admins, members, viewers: `name@domain`, `@domain` or `github:login`.
        hosted_domain: a Google Workspace whose people may all sign in, as viewers at least.
    """

    admins: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    viewers: frozenset[str] = frozenset()
    hosted_domain: str | None = None

    def role_of(self, identity: Identity) -> Role | None:
        """Return the role of somebody as the rules are today; None: they may not come in.

        With a hosted domain nobody of another one is let in by Google, whatever names them.
        Without it only those that a rule names are: everybody on earth may have a Google account.
        """
        if identity.provider == LOCAL:
            return Role.ADMIN
        if identity.provider == GITHUB:
            return self.role_named(identity.actor) or Role.VIEWER
        if self.hosted_domain is not None and identity.hosted_domain != self.hosted_domain:
            return None
        default = Role.VIEWER if self.hosted_domain is not None else None
        return self.role_named(identity.actor) or default

    def role_named(self, actor: str) -> Role | None:
        """Return the highest role whose rules name somebody."""
        names = _names_of(actor.lower())
        for role, rules in (
            (Role.ADMIN, self.admins),
            (Role.MEMBER, self.members),
            (Role.VIEWER, self.viewers),
        ):
            if not names.isdisjoint(rules):
                return role
        return None


def _names_of(actor: str) -> frozenset[str]:
    """Return the rules that would name somebody."""
    provider, _, name = actor.partition(":")
    # An address that could be read as another kind of rule is named by none.
    if provider == GOOGLE and "@" in name and ":" not in name:
        return frozenset({name, f"@{name.rpartition('@')[2]}"})
    return frozenset({actor}) if provider == GITHUB else frozenset()


def rules_of(names: Iterable[str]) -> frozenset[str]:
    """Return rules as SignInRules has them."""
    return frozenset(name.lower() for name in names)


def admit_person(identity: Identity, rules: SignInRules) -> Person:
    """Return somebody with what they may do as the rules are today; an admin reaches everything.

    Raises:
        SignInRefusedError: they may not come in; the message says what to do.
    """
    if not identity.address_verified:
        raise SignInRefusedError(
            "Google does not vouch for the address of this account. Use one of your Google"
            " Workspace, or of Gmail."
        )
    role, reach = rules.role_of(identity), identity.reach
    if role is None:
        raise SignInRefusedError(
            "This account may not sign in here. Use another account, or ask whoever runs this"
            " Kova to name yours in its settings."
        )
    if role is Role.ADMIN:
        reach = EVERYTHING
    elif reach.names is not None and not reach.names:
        raise SignInRefusedError(
            "Your account sees none of the repositories that this Kova watches. Ask for access"
            " to one on GitHub, and sign in again."
        )
    return Person(actor=identity.actor, name=identity.name, role=role, reach=reach)
