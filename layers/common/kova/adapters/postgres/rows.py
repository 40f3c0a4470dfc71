"""Small helpers that the stores share: ids, pages, clean values."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, LiteralString, TypeVar

from psycopg.rows import DictRow

from kova.adapters.postgres.pool import Connection
from kova.shared.page import Page, PageRequest, Position
from kova.shared.reach import EVERYTHING, Reach
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


def reach_values(reach: Reach) -> dict[str, Any]:
    """Return the value of `reach` in a query: names in lower case, or null for everything."""
    return {"reach": None if reach.names is None else sorted(reach.names)}


REACHED: Final[LiteralString] = (
    "(%(reach)s::text[] IS NULL OR lower(repositories.full_name) = ANY(%(reach)s))"
)
"""The condition of a query that finds a row by its id, joined with its repository."""


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
    reach: Reach = EVERYTHING,
) -> Page[Item]:
    """Run a keyset-paginated query, newest first; ties are broken by id.

    A reach that is not everything needs a table with a `repository_id` and conditions on that table
    alone: then the newest rows of each repository are read by index, and no other row.
    """
    at: LiteralString = f"{table}.{ordered_by}"
    conditions: list[LiteralString] = [*where]
    if request.after is not None:
        conditions.append(f"({at}, {table}.id) < (%(after_at)s, %(after_id)s)")
        values = {**values, "after_at": request.after.at, "after_id": as_uuid(request.after.id)}
    clause: LiteralString = "WHERE " + " AND ".join(conditions) if conditions else ""
    if reach.names is not None:
        of_repository: LiteralString = " AND ".join(
            [f"{table}.repository_id = reached.id", *conditions]
        )
        clause = f"""WHERE {table}.id IN (
            SELECT picked.id FROM repositories AS reached CROSS JOIN LATERAL (
                SELECT {table}.id, {at} AS at FROM {table} WHERE {of_repository}
                ORDER BY {at} DESC, {table}.id DESC LIMIT %(limit)s
            ) AS picked
            WHERE lower(reached.full_name) = ANY(%(reach)s)
            ORDER BY picked.at DESC, picked.id DESC LIMIT %(limit)s)"""  # noqa: S608 (literals only, and the type says so)
        values = {**values, **reach_values(reach)}
    query: LiteralString = f"{select} {clause} ORDER BY {at} DESC, {table}.id DESC LIMIT %(limit)s"
    cursor = await connection.execute(query, {**clean_values(values), "limit": request.limit + 1})
    rows = await cursor.fetchall()
    last = rows[request.limit - 1] if len(rows) > request.limit else None
    return Page(
        items=tuple(make(row) for row in rows[: request.limit]),
        next=Position(at=last[ordered_by], id=str(last["id"])) if last else None,
    )
