"""Forms that a page of ours posts."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from fastapi import Request

from kova.shared.exceptions import InvalidInputError

_MOST_FIELDS: Final = 300


async def read_form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form in the body, each with all its values.

    Raises:
        InvalidInputError: the body is no form, or has too many fields.
    """
    try:
        return parse_qs(
            (await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as exc:
        raise InvalidInputError("The form is malformed.") from exc
