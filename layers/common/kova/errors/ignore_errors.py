"""Ignore the open errors of a rule, requested by a comment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from kova.errors.error import (
    MOST_AT_ONCE,
    ErrorRecord,
    ErrorStatus,
    IgnoreDecision,
    RuleCount,
)
from kova.errors.ignoring import IgnoreRequest, IgnoreResult
from kova.errors.ports import ErrorFilter, ErrorStore
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING

_PAGE: Final = 100
_PAGES: Final = 100


class IgnoreErrors:
    """`/kova ignore`: all errors of a request in one transaction."""

    def __init__(self, *, errors: ErrorStore) -> None:
        self._errors = errors

    async def ignore(
        self,
        full_name: str,
        request: IgnoreRequest,
        *,
        paths: frozenset[str] | None,
        actor: str,
    ) -> IgnoreResult:
        """Ignore all errors that match, or none where they are more than MOST_AT_ONCE.

        Repeating a request changes nothing and returns the same: errors that this actor ignored
        for this reason before are in the result.

        Args:
            full_name: the repository.
            request: which errors, and why.
            paths: the only files whose errors match; None for all.
            actor: who asks, for the audit log.

        Raises:
            DatabaseUnavailableError: try again later.
        """

        def matches(error: ErrorRecord) -> bool:
            path = error.finding.path
            if not request.covers(path) or (paths is not None and path not in paths):
                return False
            ignored = error.ignored
            return ignored is None or (ignored.by, ignored.reason) == (actor, request.reason)

        rules = await self._errors.rules(full_name)
        matching_rules = [rule for rule in rules if request.names(rule)]
        open_errors = await self._find(full_name, matching_rules, ErrorStatus.OPEN, matches)
        if len(open_errors) > MOST_AT_ONCE:
            return IgnoreResult(matching=len(open_errors))
        errors = await self._find(full_name, matching_rules, ErrorStatus.IGNORED, matches)
        decision = IgnoreDecision(reason=request.reason, by=actor, until=None)
        errors += await self.ignore_ids([error.id for error in open_errors], decision)
        errors.sort(key=lambda error: (error.finding.path, error.finding.span, error.id))
        open_rules = tuple(rule for rule in rules if rule.open)
        return IgnoreResult(
            errors=tuple(errors),
            rules=open_rules if not errors else (),
            matching=len(open_errors),
        )

    async def ignore_ids(self, ids: list[str], decision: IgnoreDecision) -> tuple[ErrorRecord, ...]:
        """Ignore errors by their ids, at most MOST_AT_ONCE of them; return those that are.

        Those that a scan closes meanwhile are left out: they need no ignoring.

        Raises:
            DatabaseUnavailableError: try again later.
        """
        while ids:
            result = await self._errors.ignore_together(ids, decision, EVERYTHING)
            if not result.refused:
                return result.errors
            refused = {each.error_id for each in result.refused}
            ids = [error_id for error_id in ids if error_id not in refused]
        return ()

    async def _find(
        self,
        full_name: str,
        rules: list[RuleCount],
        status: ErrorStatus,
        matches: Callable[[ErrorRecord], bool],
    ) -> list[ErrorRecord]:
        return [
            error
            for rule in rules
            async for error in self._list(
                ErrorFilter(
                    repository=full_name,
                    status=status,
                    analyzer=rule.analyzer,
                    rule=rule.rule_id,
                )
            )
            if matches(error)
        ]

    async def _list(self, filters: ErrorFilter) -> AsyncIterator[ErrorRecord]:
        """Yield errors, the newest first, from at most _PAGES pages."""
        request = PageRequest(limit=_PAGE)
        for _ in range(_PAGES):
            page = await self._errors.page(request, filters, EVERYTHING)
            for error in page.items:
                yield error
            if page.next is None:
                return
            request = PageRequest(limit=_PAGE, after=page.next)
