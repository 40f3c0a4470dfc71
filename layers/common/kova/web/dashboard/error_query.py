"""The filters of the list of errors, as they stand in an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, Query

from kova.errors.error import ErrorStatus

FILTER_CHARACTERS: Final = 4096
_Text = Annotated[str, Query(max_length=4096)]


async def chosen_filters(  # noqa: PLR0917 (the query's parameters)
    repository: _Text = "",
    status: _Text = ErrorStatus.OPEN.value,
    severity: _Text = "",
    analyzer: _Text = "",
    rule: _Text = "",
    path: _Text = "",
) -> dict[str, str]:
    """Return the filters in force by name, empty where nothing is chosen."""
    return {
        "repository": repository.strip(),
        "status": status,
        "severity": severity,
        "analyzer": analyzer.strip(),
        "rule": rule.strip(),
        "path": path.strip(),
    }


ChosenFilters = Annotated[dict[str, str], Depends(chosen_filters)]


def errors_address(filters: Mapping[str, str]) -> str:
    """Return the list's address with filters."""
    return f"/ui/errors?{urlencode(filters)}" if filters else "/ui/errors"
