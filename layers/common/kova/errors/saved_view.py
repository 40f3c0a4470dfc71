"""Filters of the list of errors that a person has named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kova.shared.exceptions import ConflictError, InvalidInputError
from kova.shared.text import clean

MOST_VIEWS: Final = 50
"""How many a person has at most."""
NAME_CHARACTERS: Final = 60


class TooManyViewsError(ConflictError):
    """You have 50 saved views already: delete one first."""

    reason = "too_many_views"


@dataclass(frozen=True, kw_only=True)
class SavedView:
    """A name and the filters' texts by their names, as they stand in the list's address."""

    id: str
    name: str
    filters: dict[str, str]


def check_view_name(text: str) -> str:
    """Return a name without the space around it, on one line.

    Raises:
        InvalidInputError: it is empty or too long.
    """
    name = " ".join(clean(text).split())
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise InvalidInputError(
            f"A view's name has 1 to {NAME_CHARACTERS} characters.", field="name"
        )
    return name
