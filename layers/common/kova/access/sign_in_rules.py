"""Who may sign in, and as what: rules that stand in the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from kova.access.identity import GITHUB, GOOGLE, Identity
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
        """Return the role of somebody who just proved who they are; None: they may not sign in."""
        return self.role_now(identity.actor, identity.hosted_domain)

    def role_now(self, actor: str, hosted_domain: str | None) -> Role | None:
        """Return the role, as the rules are today, of somebody who signed in from a domain.

        With a hosted domain nobody of another one is let in by Google, whatever names them.
        Without it only those that a rule names are: everybody on earth may have a Google account.
        """
        if actor.startswith(f"{GITHUB}:"):
            return self.role_named(actor) or Role.VIEWER
        if self.hosted_domain is not None and hosted_domain != self.hosted_domain:
            return None
        default = Role.VIEWER if self.hosted_domain is not None else None
        return self.role_named(actor) or default

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


def person_now(person: Person, rules: SignInRules) -> Person | None:
    """Return somebody as the rules are today; None: they may no longer sign in.

    An admin reaches everything; who was one reaches what the provider said at the sign-in.
    """
    role: Role | None = person.role
    if not person.actor.startswith("local:"):
        role = rules.role_now(person.actor, person.hosted_domain)
    if role is None:
        return None
    reach = EVERYTHING if role is Role.ADMIN else person.reach
    return replace(person, role=role, reach=reach)
