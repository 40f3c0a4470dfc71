"""Ignore an error with a reason, or open it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kova.errors.error import ErrorRecord, ErrorStatus, IgnoreDecision
from kova.errors.ports import ErrorStore
from kova.shared.exceptions import ConflictError, InvalidInputError, NotFoundError
from kova.shared.reach import Reach


class ChangeError:
    """PATCH /api/errors/{id}."""

    def __init__(self, *, errors: ErrorStore, now: Callable[[], datetime]) -> None:
        self._errors = errors
        self._now = now

    async def ignore(
        self, error_id: str, *, reason: str, until: datetime | None, actor: str, reach: Reach
    ) -> ErrorRecord:
        """Ignore an error; return it as it is then.

        Raises:
            InvalidInputError: no reason.
            NotFoundError: there is no such error in the reach.
            ConflictError: it is fixed already, or `until` is past.
        """
        if not reason.strip():
            raise InvalidInputError("Ignoring an error needs a reason.", field="reason")
        if until is not None and until <= self._now():
            raise ConflictError("An error is ignored until a time to come.", field="until")
        decision = IgnoreDecision(reason=reason.strip(), by=actor, until=until)
        return self._require_status(
            await self._errors.ignore(error_id, decision, reach), ErrorStatus.IGNORED
        )

    async def open(self, error_id: str, *, actor: str, reach: Reach) -> ErrorRecord:
        """Open an ignored error; an open one stays open.

        Raises:
            NotFoundError: there is no such error in the reach.
            ConflictError: it is fixed.
        """
        return self._require_status(
            await self._errors.open(error_id, actor, reach), ErrorStatus.OPEN
        )

    @staticmethod
    def _require_status(error: ErrorRecord | None, status: ErrorStatus) -> ErrorRecord:
        if error is None:
            raise NotFoundError("There is no such error.")
        if error.status is not status:
            raise ConflictError("The error is fixed: there is nothing to ignore or to open.")
        return error
