"""Small helpers that the stores share: ids, pages, clean values."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, LiteralString, TypeVar

from psycopg.rows import DictRow

from kova.adapters.postgres.pool import Connection
from kova.shared.page import Page, PageRequest, Position
from kova.shared.text import clean

Item = TypeVar("Item")


def as_uuid(text: str) -> uuid.UUID | None:
    """Parse an id from outside; None when it cannot be one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def clean_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with every text made storable."""
    return {key: clean(value) if isinstance(value, str) else value for key, value in values.items()}


async def fetch_page(
    connection: Connection,
    *,
    select: LiteralString,
    table: LiteralString,
    ordered_by: LiteralString,
    where: Sequence[LiteralString],
    values: dict[str, Any],
    request: PageRequest,
    make: Callable[[DictRow], Item],
) -> Page[Item]:
    """Run a keyset-paginated query, newest first; ties are broken by id."""
    at: LiteralString = f"{table}.{ordered_by}"
    conditions: list[LiteralString] = [*where]
    if request.after is not None:
        conditions.append(f"({at}, {table}.id) < (%(after_at)s, %(after_id)s)")
        values = {**values, "after_at": request.after.at, "after_id": as_uuid(request.after.id)}
    clause: LiteralString = "WHERE " + " AND ".join(conditions) if conditions else ""
    query: LiteralString = f"{select} {clause} ORDER BY {at} DESC, {table}.id DESC LIMIT %(limit)s"
    cursor = await connection.execute(query, {**clean_values(values), "limit": request.limit + 1})
    rows = await cursor.fetchall()
    last = rows[request.limit - 1] if len(rows) > request.limit else None
    return Page(
        items=tuple(make(row) for row in rows[: request.limit]),
        next=Position(at=last[ordered_by], id=str(last["id"])) if last else None,
    )
