"""Those who call: with a key, and without."""

from __future__ import annotations

from kova.access.api_key import Scope
from kova.access.subject import EVERYTHING, Reach, Subject


def subject(
    key_id: str | None = None,
    *scopes: Scope,
    reach: Reach = EVERYTHING,
    actor: str = "google:somebody@example.com",
) -> Subject:
    """Return who calls with a key, or a person without one; by default they may do everything."""
    return Subject(
        actor=f"key:{key_id}" if key_id else actor,
        name="somebody",
        scopes=frozenset(scopes or Scope),
        reach=reach,
        key_id=key_id,
    )


SOMEBODY = subject()
