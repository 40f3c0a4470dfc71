"""GitHub's JSON, read field by field: what is missing or of another kind is GitHub's failure."""

from __future__ import annotations

from typing import Any, Final, TypeGuard

from kova.shared.exceptions import GitHubUnavailableError, InvalidInputError
from kova.shared.repository import check_full_name, is_sha
from kova.shared.text import clean, shorten

Json = dict[str, Any]
TEXT_LIMIT: Final = 1_000
_MOST: Final = 2**63 - 1


def as_object(value: object) -> Json:
    """Return the value if it is a JSON object.

    Raises:
        GitHubUnavailableError: it is something else, for example a proxy's page of HTML.
    """
    if not isinstance(value, dict):
        raise GitHubUnavailableError("GitHub's answer is not a JSON object.")
    return value


def objects(value: object) -> list[Json]:
    """Return the value if it is a list, without members that are not objects."""
    if not isinstance(value, list):
        raise GitHubUnavailableError("GitHub's answer is not a JSON list.")
    return [part for part in value if isinstance(part, dict)]


def field(value: object, *keys: str) -> Any:
    """Return what stands under the keys, None where the path ends early."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: object, *keys: str) -> str:
    """Return a needed, non-empty text, cleaned and at most TEXT_LIMIT characters long."""
    attribute = field(value, *keys)
    if not isinstance(attribute, str) or not attribute:
        raise _missing(keys)
    return shorten(clean(attribute), TEXT_LIMIT)


def number(value: object, *keys: str) -> int:
    """Return a needed whole number, not negative, that Postgres can hold as bigint."""
    attribute = field(value, *keys)
    if not is_number(attribute):
        raise _missing(keys)
    return attribute


def is_number(attribute: object) -> TypeGuard[int]:
    """Tell whether a JSON value is a whole number that `number` returns."""
    if not isinstance(attribute, int) or isinstance(attribute, bool):
        return False
    return 0 <= attribute <= _MOST


def full_name(value: object) -> str:
    """Return a repository's needed `full_name`."""
    try:
        return check_full_name(text(value, "full_name"))
    except InvalidInputError as exc:
        # It is GitHub's name for it, and not one that the caller gave.
        raise _missing(("full_name",)) from exc


def sha(value: object, *keys: str) -> str:
    """Return a needed object id."""
    attribute = field(value, *keys)
    if not isinstance(attribute, str) or not is_sha(attribute):
        raise _missing(keys)
    return attribute


def page_url(value: object) -> str | None:
    """Return the address of the thing's page, if it is one that a browser may open."""
    attribute = field(value, "html_url")
    if isinstance(attribute, str) and attribute.startswith(("https://", "http://")):
        return shorten(clean(attribute), TEXT_LIMIT)
    return None


def _missing(keys: tuple[str, ...]) -> GitHubUnavailableError:
    return GitHubUnavailableError(f"GitHub's answer has no usable {'.'.join(keys)}.")
