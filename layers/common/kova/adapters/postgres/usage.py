"""What AI commands cost, from their ledger."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final, LiteralString

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid, reach_values
from kova.models.usage import Budget, Usage, UsageRow
from kova.shared.reach import Reach

_ROWS: Final[LiteralString] = """
SELECT api_keys.prefix, api_keys.name, repositories.full_name, count(*) AS commands,
    count(*) FILTER (WHERE cached) AS cached, sum(input_tokens)::bigint AS input_tokens,
    sum(output_tokens)::bigint AS output_tokens, sum(cost_usd) AS cost_usd
FROM ai_commands
LEFT JOIN api_keys ON api_keys.id = ai_commands.api_key_id
    AND (%(reach)s::text[] IS NULL OR api_keys.id = %(key)s)
LEFT JOIN repositories ON repositories.id = ai_commands.repository_id
WHERE ai_commands.created_at >= %(first)s::date AT TIME ZONE 'UTC'
    AND ai_commands.created_at < (%(first)s::date + interval '1 month') AT TIME ZONE 'UTC'
    AND (%(reach)s::text[] IS NULL
        OR ai_commands.repository_id IN (
            SELECT id FROM repositories WHERE lower(full_name) = ANY(%(reach)s))
        OR (ai_commands.repository_id IS NULL AND ai_commands.api_key_id = %(key)s
            AND ai_commands.request ->> 'repository' IS NULL))
GROUP BY api_keys.prefix, api_keys.name, repositories.full_name
ORDER BY cost_usd DESC, api_keys.prefix, repositories.full_name"""
_BUDGETS: Final[LiteralString] = """
SELECT 'key' AS kind, prefix AS name, monthly_budget_usd AS cap FROM api_keys
WHERE monthly_budget_usd IS NOT NULL AND revoked_at IS NULL
    AND (%(reach)s::text[] IS NULL OR id = %(key)s)
UNION ALL
SELECT 'repository', full_name, monthly_budget_usd FROM repositories
WHERE monthly_budget_usd IS NOT NULL
    AND (%(reach)s::text[] IS NULL OR lower(full_name) = ANY(%(reach)s))
ORDER BY kind, name"""


class PostgresUsageStore:
    """Implements models.ports.UsageStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def month(
        self, first_day: date, total_budget: Decimal | None, reach: Reach, key_id: str | None
    ) -> Usage:
        """Sum a month."""
        values = {
            "first": first_day,
            "key": as_uuid(key_id) if key_id else None,
            **reach_values(reach),
        }
        async with self._database.reading() as connection:
            rows = await (await connection.execute(_ROWS, values)).fetchall()
            caps = await (await connection.execute(_BUDGETS, values)).fetchall()
        month = f"{first_day:%Y-%m}"
        usage = tuple(_row(month, row) for row in rows)
        budgets = [
            Budget(
                kind=cap["kind"],
                name=cap["name"],
                limit_usd=cap["cap"],
                spent_usd=_spent(usage, cap["kind"], cap["name"]),
            )
            for cap in caps
        ]
        if total_budget is not None and reach.is_everything:
            spent = sum((row.cost_usd for row in usage), Decimal(0))
            budgets.append(
                Budget(kind="total", name="total", limit_usd=total_budget, spent_usd=spent)
            )
        return Usage(month=month, rows=usage, budgets=tuple(budgets))


def _row(month: str, row: dict[str, Any]) -> UsageRow:
    return UsageRow(
        month=month,
        key_prefix=row["prefix"],
        key_name=row["name"],
        repository=row["full_name"],
        commands=row["commands"],
        cached=row["cached"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
    )


def _spent(rows: tuple[UsageRow, ...], kind: str, name: str) -> Decimal:
    column = "key_prefix" if kind == "key" else "repository"
    return sum((row.cost_usd for row in rows if getattr(row, column) == name), Decimal(0))
