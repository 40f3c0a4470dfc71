"""Ignore an error with a reason, or open it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from kova.errors.error import (
    MOST_AT_ONCE,
    REASON_LIMIT,
    ErrorRecord,
    ErrorStatus,
    IgnoreDecision,
    RefusedIgnore,
)
from kova.errors.ports import ErrorStore
from kova.shared.exceptions import ConflictError, InvalidInputError, NotFoundError
from kova.shared.markdown import code
from kova.shared.reach import Reach

_MOST_NAMED: Final = 10


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
            InvalidInputError: no reason, or one that is too long.
            NotFoundError: there is no such error in the reach.
            ConflictError: it is fixed already, or `until` is past.
        """
        if until is not None and until <= self._now():
            raise ConflictError("An error is ignored until a time to come.", field="until")
        decision = IgnoreDecision(reason=_check_reason(reason), by=actor, until=until)
        return self._require_status(
            await self._errors.ignore(error_id, decision, reach), ErrorStatus.IGNORED
        )

    async def ignore_together(
        self, error_ids: Sequence[str], *, reason: str, actor: str, reach: Reach
    ) -> tuple[ErrorRecord, ...]:
        """Ignore errors for good, all of them or none; return them as they are then.

        Raises:
            InvalidInputError: no reason, one that is too long, no error or too many.
            NotFoundError: some are not in the reach; the message says which cannot be ignored.
            ConflictError: some are fixed already; likewise.
        """
        ids = list(dict.fromkeys(error_ids))
        if not ids:
            raise InvalidInputError("Choose the errors first: each row of the list has a box.")
        if len(ids) > MOST_AT_ONCE:
            raise InvalidInputError(f"At most {MOST_AT_ONCE} errors are ignored at once.")
        decision = IgnoreDecision(reason=_check_reason(reason), by=actor, until=None)
        result = await self._errors.ignore_together(ids, decision, reach)
        if not result.refused:
            return result.errors
        message = _refusal(result.refused, len(ids))
        if any(refused.error is None for refused in result.refused):
            raise NotFoundError(message)
        raise ConflictError(message)

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


def _check_reason(reason: str) -> str:
    """Return a reason without the space around it.

    Raises:
        InvalidInputError: it is empty or too long.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInputError("Ignoring an error needs a reason.", field="reason")
    if len(reason) > REASON_LIMIT:
        raise InvalidInputError(
            f"A reason has at most {REASON_LIMIT:,} characters.", field="reason"
        )
    return reason


def _refusal(refused: Sequence[RefusedIgnore], number: int) -> str:
    """Return why none of the chosen errors was ignored, with those that stand in the way."""
    places = [_describe(each) for each in refused[:_MOST_NAMED]]
    if len(refused) > _MOST_NAMED:
        places.append(f"and {len(refused) - _MOST_NAMED} more")
    return (
        f"Nothing was ignored: {len(refused)} of the {number} chosen errors cannot be."
        f" {'; '.join(places)}."
    )


def _describe(refused: RefusedIgnore) -> str:
    if refused.error is None:
        return f"{code(refused.error_id)} is not there"
    finding = refused.error.finding
    place = code(f"{finding.path}:{finding.span.start_line}")
    return f"{code(finding.rule_id)} at {place} is fixed"
