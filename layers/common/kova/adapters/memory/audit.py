"""The audit log in memory."""

from __future__ import annotations

import uuid

from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.pages import newest_first
from kova.shared.audit import AuditEvent, AuditRecord
from kova.shared.page import Page, PageRequest, Position


class MemoryAuditStore:
    """Implements shared.ports.AuditStore."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def record(self, event: AuditEvent, *, once: str | None = None) -> None:
        """Record an event; with `once` only the first time."""
        self._database.check()
        if once not in self._database.audit:
            self._database.record_event(event, once or str(uuid.uuid4()))

    async def page(self, request: PageRequest) -> Page[AuditRecord]:
        """List, newest first."""
        self._database.check()
        return newest_first(
            self._database.audit.values(),
            request,
            lambda record: Position(at=record.created_at, id=record.id),
        )
