"""The audit log in Postgres."""

from __future__ import annotations

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kova.adapters.postgres.pool import Connection, Database
from kova.adapters.postgres.rows import as_uuid, clean_values, fetch_page
from kova.shared.audit import Action, AuditEvent, AuditRecord
from kova.shared.page import Page, PageRequest
from kova.shared.text import clean


async def record_event(
    connection: Connection, event: AuditEvent, *, once: str | None = None
) -> None:
    """Record an event in the transaction of what it is about."""
    detail = {
        key: clean(value) if isinstance(value, str) else value
        for key, value in event.detail.items()
    }
    values = clean_values({"actor": event.actor, "action": event.action, "target": event.target})
    await connection.execute(
        """INSERT INTO audit_log (id, actor, action, target, detail)
        VALUES (coalesce(%(id)s, gen_random_uuid()), %(actor)s, %(action)s, %(target)s, %(detail)s)
        ON CONFLICT (id) DO NOTHING""",
        {**values, "detail": Jsonb(detail), "id": as_uuid(once) if once else None},
    )


class PostgresAuditStore:
    """Implements shared.ports.AuditStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: AuditEvent, *, once: str | None = None) -> None:
        """Record an event."""
        async with self._database.transaction() as connection:
            await record_event(connection, event, once=once)

    async def page(self, request: PageRequest) -> Page[AuditRecord]:
        """List, newest first."""
        async with self._database.reading() as connection:
            return await fetch_page(
                connection,
                select="SELECT * FROM audit_log",
                table="audit_log",
                ordered_by="created_at",
                where=(),
                values={},
                request=request,
                make=_record,
            )


def _record(row: DictRow) -> AuditRecord:
    return AuditRecord(
        id=str(row["id"]),
        actor=row["actor"],
        action=Action(row["action"]),
        target=row["target"],
        detail=row["detail"],
        created_at=row["created_at"],
    )
