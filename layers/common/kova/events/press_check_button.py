"""Do what a button of a check run says, for people who may write to the repository."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Final

from kova.commands.comment import WRITERS
from kova.commands.ports import Conversation
from kova.errors.error import MOST_AT_ONCE, IgnoreDecision
from kova.errors.ignore_errors import IgnoreErrors
from kova.events.event import EventJob
from kova.events.ports import IntroducedErrors
from kova.fixes.ports import FixStore
from kova.fixes.protected import is_protected
from kova.fixes.publish_fix import MOST_FIXES_AT_ONCE, PublishFix
from kova.scans.ports import ScanQueue
from kova.scans.scan import FIX_BUTTON, ScanTarget, Trigger
from kova.shared.audit import Action, AuditEvent
from kova.shared.exceptions import GitHubRefusedError, StaleFixError
from kova.shared.ports import AuditStore, RepositoryStore
from kova.shared.repository import Repository

_LOG = logging.getLogger("kova.events")
_NAMESPACE: Final = uuid.UUID("5b1c86f4-95c5-4d3e-8ef8-3bd0d8f4f3a1")


class PressCheckButton:
    """The buttons "Fix this" and "Ignore": what the API does, by the login of who pressed."""

    def __init__(
        self,
        *,
        repositories: RepositoryStore,
        conversation: Conversation,
        fixes: FixStore,
        publish: PublishFix,
        errors: IntroducedErrors,
        ignore: IgnoreErrors,
        audit: AuditStore,
        queue: ScanQueue,
    ) -> None:
        self._repositories = repositories
        self._conversation = conversation
        self._fixes = fixes
        self._publish = publish
        self._errors = errors
        self._ignore = ignore
        self._audit = audit
        self._queue = queue

    async def press(self, job: EventJob) -> None:
        """Do it; a repeated press changes and records nothing more.

        Raises:
            UnavailableError: GitHub, the database or the queue does not answer; try again later.
        """
        assert job.github_id is not None
        repository = await self._repositories.find(job.github_id)
        if repository is None or repository.is_unreachable or job.sender is None:
            return
        permission = await self._conversation.permission(repository.ref, job.sender)
        if permission not in WRITERS:
            context = {"repository": repository.full_name, "actor": f"github:{job.sender}"}
            _LOG.info("button ignored: no write access", extra=context)
            return
        if job.action == FIX_BUTTON:
            await self._fix(repository, job)
        else:
            await self._ignore_new_errors(repository, job)

    async def _fix(self, repository: Repository, job: EventJob) -> None:
        """Open the pull requests of fixes that were proved and are in none, as the API does."""
        fixes = await self._fixes.publishable(repository.id, MOST_AT_ONCE)
        for fix in [fix for fix in fixes if not is_protected(fix.path)][:MOST_FIXES_AT_ONCE]:
            event = AuditEvent(
                actor=f"github:{job.sender}",
                action=Action.FIX_PUBLISHED,
                target=fix.id,
                detail={"path": fix.path},
            )
            key = uuid.uuid5(_NAMESPACE, f"{job.delivery}:{fix.id}")
            # Before it is done: a worker that dies in between does it again, and not unrecorded.
            await self._audit.record(event, once=str(key))
            try:
                await self._publish.publish(fix.id)
            except (StaleFixError, GitHubRefusedError) as exc:
                context = {"fix": fix.id, "reason": exc.reason}
                _LOG.warning("fix not published", extra=context)

    async def _ignore_new_errors(self, repository: Repository, job: EventJob) -> None:
        """Ignore what the check run shows as new, then bring the check run up to date."""
        assert job.commit_sha is not None
        limit = MOST_AT_ONCE + 1
        ids = await self._errors.introduced(repository.id, job.commit_sha, limit)
        error_ids = list(ids)
        if not error_ids or len(error_ids) > MOST_AT_ONCE:
            return
        decision = IgnoreDecision(
            reason=f"Ignored at the check run of {job.commit_sha[:12]}.",
            by=f"github:{job.sender}",
            until=None,
        )
        await self._ignore.ignore_ids(error_ids, decision)
        target = ScanTarget(
            repository=repository.full_name,
            trigger=Trigger.PUSH,
            installation_id=repository.installation_id,
            ref=f"refs/heads/{repository.default_branch}",
            commit_sha=job.commit_sha,
            rerun=True,
        )
        await asyncio.to_thread(self._queue.send, target)
