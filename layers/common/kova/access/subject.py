"""Who calls, what they may do, and with which repositories: the same for keys and for people."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from kova.access.api_key import ApiKey, Scope
from kova.shared.reach import EVERYTHING, Reach

__all__ = ["EVERYTHING", "ROLE_SCOPES", "Reach", "Role", "Subject", "subject_of_key"]


class Role(enum.StrEnum):
    """What a person is to this Kova."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


ROLE_SCOPES: Final[Mapping[Role, frozenset[Scope]]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Scope.READ}),
        Role.MEMBER: frozenset({Scope.READ, Scope.SCAN, Scope.AI}),
        Role.ADMIN: frozenset(Scope),
    }
)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who calls.

    Attributes:
        actor: the name in the audit log: `key:PREFIX`, `google:ADDRESS`, `github:LOGIN`,
            `slack:TEAM/USER` or `local:owner`.
        name: the name for people.
        scopes: what the caller may do.
        reach: the repositories with which.
        key_id: the API key whose budget and limits count; None for people.
    """

    actor: str
    name: str
    scopes: frozenset[Scope]
    reach: Reach
    key_id: str | None


def subject_of_key(key: ApiKey) -> Subject:
    """Return who calls with a key."""
    return Subject(
        actor=f"key:{key.prefix}",
        name=key.name,
        scopes=key.scopes,
        reach=key.reach,
        key_id=key.id,
    )
