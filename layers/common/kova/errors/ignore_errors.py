"""Ignore the open errors of a rule, as a comment asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from kova.errors.change_error import ChangeError
from kova.errors.error import ErrorRecord, ErrorStatus, RuleCount
from kova.errors.ignoring import MOST_AT_ONCE, IgnoreRequest, Ignoring
from kova.errors.ports import ErrorFilter, ErrorStore
from kova.shared.exceptions import ConflictError, NotFoundError
from kova.shared.page import PageRequest

_PAGE: Final = 100
_PAGES: Final = 100


class IgnoreErrors:
    """`/kova ignore`: each error goes the way of PATCH /api/errors/{id}."""

    def __init__(self, *, errors: ErrorStore, change: ChangeError) -> None:
        """Take where errors are kept, and how one is ignored."""
        self._errors = errors
        self._change = change

    async def run(
        self,
        repository: str,
        wanted: IgnoreRequest,
        *,
        paths: frozenset[str] | None,
        actor: str,
    ) -> Ignoring:
        """Ignore them all, or none where they are too many to be meant.

        Doing it again changes nothing and tells the same: errors that this actor ignored with
        these words are counted in.

        Args:
            repository: its full name.
            wanted: which errors, and why.
            paths: the only files that are meant; None for all.
            actor: who asks, for the audit log.

        Raises:
            DatabaseUnavailableError: try again later.
        """

        def meant(error: ErrorRecord) -> bool:
            path = error.finding.path
            if not wanted.covers(path) or (paths is not None and path not in paths):
                return False
            known = error.ignored
            return known is None or (known.by, known.reason) == (actor, wanted.reason)

        rules = await self._errors.rules(repository)
        chosen = [one for one in rules if wanted.means(one)]
        still_open = await self._found(repository, chosen, ErrorStatus.OPEN, meant)
        if len(still_open) > MOST_AT_ONCE:
            return Ignoring(matching=len(still_open))
        ignored = await self._found(repository, chosen, ErrorStatus.IGNORED, meant)
        for one in still_open:
            try:
                record = await self._change.ignore(
                    one.id, reason=wanted.reason, until=None, actor=actor
                )
            except (ConflictError, NotFoundError):
                continue  # A scan closed it meanwhile: there is nothing left to ignore.
            ignored.append(record)
        ignored.sort(key=lambda one: (one.finding.path, one.finding.span, one.id))
        open_rules = tuple(one for one in rules if one.open)
        return Ignoring(
            errors=tuple(ignored), rules=open_rules if not ignored else (), matching=len(still_open)
        )

    async def _found(
        self,
        repository: str,
        rules: list[RuleCount],
        status: ErrorStatus,
        meant: Callable[[ErrorRecord], bool],
    ) -> list[ErrorRecord]:
        return [
            one
            for rule in rules
            async for one in self._each(
                ErrorFilter(
                    repository=repository,
                    status=status,
                    analyzer=rule.analyzer,
                    rule=rule.rule_id,
                )
            )
            if meant(one)
        ]

    async def _each(self, filters: ErrorFilter) -> AsyncIterator[ErrorRecord]:
        """Give a list's errors, the newest first, some pages of them at most."""
        request = PageRequest(limit=_PAGE)
        for _ in range(_PAGES):
            page = await self._errors.page(request, filters)
            for one in page.items:
                yield one
            if page.next is None:
                return
            request = PageRequest(limit=_PAGE, after=page.next)
