"""The audit log in Postgres."""

from __future__ import annotations

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kova.adapters.postgres.pool import Connection, Database
from kova.adapters.postgres.rows import clean_values, fetch_page
from kova.shared.audit import Action, AuditEntry, Deed
from kova.shared.page import Page, PageRequest
from kova.shared.text import clean


async def note(connection: Connection, deed: Deed) -> None:
    """Note a deed in the transaction that does it."""
    detail = {
        key: clean(value) if isinstance(value, str) else value for key, value in deed.detail.items()
    }
    values = clean_values({"actor": deed.actor, "action": deed.action, "target": deed.target})
    await connection.execute(
        """INSERT INTO audit_log (actor, action, target, detail)
        VALUES (%(actor)s, %(action)s, %(target)s, %(detail)s)""",
        {**values, "detail": Jsonb(detail)},
    )


class PostgresAuditStore:
    """Implements shared.ports.AuditStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, deed: Deed) -> None:
        """Note a deed."""
        async with self._database.transaction() as connection:
            await note(connection, deed)

    async def page(self, request: PageRequest) -> Page[AuditEntry]:
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
                make=_entry,
            )


def _entry(row: DictRow) -> AuditEntry:
    deed = Deed(
        actor=row["actor"], action=Action(row["action"]), target=row["target"], detail=row["detail"]
    )
    return AuditEntry(id=str(row["id"]), deed=deed, created_at=row["created_at"])
