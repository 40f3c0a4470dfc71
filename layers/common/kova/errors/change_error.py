"""Ignore an error with a reason, or open it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kova.errors.error import ErrorRecord, ErrorStatus, Ignored
from kova.errors.ports import ErrorStore
from kova.shared.exceptions import ConflictError, InvalidInputError, NotFoundError


class ChangeError:
    """PATCH /api/errors/{id}."""

    def __init__(self, *, errors: ErrorStore, now: Callable[[], datetime]) -> None:
        """Take where errors are kept and a clock."""
        self._errors = errors
        self._now = now

    async def ignore(
        self, error_id: str, *, reason: str, until: datetime | None, actor: str
    ) -> ErrorRecord:
        """Ignore an error.

        Raises:
            InvalidInputError: no reason.
            NotFoundError: there is no such error.
            ConflictError: it is fixed already, or the time is over.
        """
        if not reason.strip():
            raise InvalidInputError("Ignoring an error needs a reason.", field="reason")
        if until is not None and until <= self._now():
            raise ConflictError("An error is ignored until a time to come.", field="until")
        ignored = Ignored(reason=reason.strip(), by=actor, until=until)
        return self._in(await self._errors.ignore(error_id, ignored), ErrorStatus.IGNORED)

    async def open(self, error_id: str, *, actor: str) -> ErrorRecord:
        """Open an ignored error; an open one stays open.

        Raises:
            NotFoundError: there is no such error.
            ConflictError: it is fixed.
        """
        return self._in(await self._errors.open(error_id, actor), ErrorStatus.OPEN)

    @staticmethod
    def _in(error: ErrorRecord | None, wanted: ErrorStatus) -> ErrorRecord:
        if error is None:
            raise NotFoundError("There is no such error.")
        if error.status is not wanted:
            raise ConflictError("The error is fixed: there is nothing to ignore or to open.")
        return error
