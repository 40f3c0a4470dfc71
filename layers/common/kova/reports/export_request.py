"""What somebody wants to take with them: the errors of some filters, or the report of a month."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from kova.errors.error import ErrorStatus
from kova.errors.ports import ErrorFilter
from kova.models.usage import MONTH_PATTERN, first_day
from kova.shared.exceptions import InvalidInputError
from kova.shared.severity import Severity

FILTERS: Final = ("repository", "status", "severity", "analyzer", "rule", "path")
ANY: Final = "any"
_MONTH: Final = re.compile(MONTH_PATTERN)


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """The errors of `filters` (texts by the names of FILTERS), or the report of `month`."""

    filters: Mapping[str, str] | None = None
    month: str | None = None

    def to_texts(self) -> dict[str, str]:
        """Return the request as texts by name; those without a value are left out."""
        if self.month is not None:
            return {"month": self.month}
        return {name: text for name, text in (self.filters or {}).items() if text}


def request_of(texts: Mapping[str, str]) -> ExportRequest:
    """Return the request of texts by name.

    Raises:
        InvalidInputError: there is no such month, status or severity.
    """
    if "month" in texts:
        check_month(texts["month"])
        return ExportRequest(month=texts["month"])
    chosen = {name: texts[name] for name in FILTERS if texts.get(name)}
    error_filter(chosen)
    return ExportRequest(filters=chosen)


def error_filter(chosen: Mapping[str, str]) -> ErrorFilter:
    """Return the filter of texts by name.

    Raises:
        InvalidInputError: there is no such status or severity.
    """
    status, severity = chosen.get("status"), chosen.get("severity")
    try:
        return ErrorFilter(
            repository=chosen.get("repository") or None,
            status=None if status in {None, "", ANY} else ErrorStatus(status),
            severity=Severity(severity) if severity else None,
            analyzer=chosen.get("analyzer") or None,
            rule=chosen.get("rule") or None,
            path=chosen.get("path") or None,
        )
    except ValueError:
        raise InvalidInputError("There is no such status or severity.") from None


def check_month(month: str) -> date:
    """Return the first day of a month.

    Raises:
        InvalidInputError: it is no month.
    """
    if not _MONTH.fullmatch(month):
        raise InvalidInputError("A month is written as in 2026-11.", field="month")
    return first_day(month)
