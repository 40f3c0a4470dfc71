"""Ask for a fix's pull request: checked now, opened by a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from kova.fixes.fix import Fix, FixStatus
from kova.fixes.ports import FixQueue, FixStore
from kova.fixes.protected import is_protected
from kova.shared.allowed_owner import require_allowed_owner
from kova.shared.audit import Action, AuditEvent
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import ConflictError, NotFoundError, QueueUnavailableError
from kova.shared.owners import EVERY_OWNER, Owners
from kova.shared.ports import AuditStore, RepositoryStore
from kova.shared.reach import EVERYTHING, Reach
from kova.shared.repository import RepositoryRef

PUBLISHABLE: Final = frozenset({FixStatus.VERIFIED, FixStatus.PUBLISHED})
_SEND_SECONDS: Final = 4.5


class RequestPublish:
    """POST /api/fixes/{id}/publish."""

    def __init__(
        self,
        *,
        fixes: FixStore,
        repositories: RepositoryStore,
        audit: AuditStore,
        queue: FixQueue,
        source: Callable[[], CodeSource],
        owners: Owners = EVERY_OWNER,
    ) -> None:
        """`source` is called where owners are restricted, for it needs GitHub."""
        self._source = source
        self._owners = owners
        self._fixes = fixes
        self._repositories = repositories
        self._audit = audit
        self._queue = queue

    async def request(self, fix_id: str, *, actor: str, reach: Reach) -> Fix:
        """Queue a fix that was proved; one that is published already is brought up to date.

        Raises:
            NotFoundError: there is no such fix in the reach.
            ConflictError: it was not proved, people have decided about it, its file is
                protected, or its repository is archived or not shown to Kova.
            OwnerNotAllowedError: Kova does not work for the repository's owner.
            UnavailableError: it could not be queued, or GitHub does not answer.
        """
        fix = await self._fixes.get(fix_id, reach)
        if fix is None:
            raise NotFoundError("There is no such fix.")
        if fix.status not in PUBLISHABLE:
            raise ConflictError(f"The fix is {fix.status}: only a verified one is published.")
        if is_protected(fix.path):
            raise ConflictError(f"Fixes in {fix.path} are not pushed: apply the patch yourself.")
        repository = await self._repositories.get(fix.repository, EVERYTHING)
        if repository is not None and (repository.archived or repository.is_unreachable):
            reason = repository.problem or "archived"
            raise ConflictError(f"The repository takes no pull request: {reason}.")
        ref = RepositoryRef(full_name=fix.repository)
        await require_allowed_owner(self._owners, self._source, ref)
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await asyncio.to_thread(self._queue.send_fix, fix.id)
        except TimeoutError as exc:
            raise QueueUnavailableError from exc
        await self._audit.record(
            AuditEvent(
                actor=actor, action=Action.FIX_PUBLISHED, target=fix.id, detail={"path": fix.path}
            )
        )
        return fix
