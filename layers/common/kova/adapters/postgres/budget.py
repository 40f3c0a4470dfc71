"""The budget in Postgres: reservations and what was spent, under one lock a month."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, LiteralString

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid, clean_values
from kova.models.ports import BudgetScope
from kova.shared.exceptions import BudgetExhaustedError

# Every reservation passes this row, one after the other: that is what makes the sum below exact.
_LOCK: Final[LiteralString] = """
INSERT INTO ai_spending (scope, month)
VALUES ('all', date_trunc('month', now() AT TIME ZONE 'UTC')::date)
ON CONFLICT (scope, month) DO UPDATE SET spent_usd = ai_spending.spent_usd
RETURNING month"""

_RESERVE: Final[LiteralString] = """
WITH scopes AS (
    SELECT 'all' AS scope, %(cap)s::numeric AS cap
    UNION ALL
    SELECT 'key:' || id, monthly_budget_usd FROM api_keys WHERE id = %(key)s
    UNION ALL
    SELECT 'repository:' || id, monthly_budget_usd FROM repositories
    WHERE lower(full_name) = lower(%(repository)s)
), used AS (
    SELECT scopes.cap,
        coalesce((SELECT spent_usd FROM ai_spending
            WHERE ai_spending.scope = scopes.scope AND ai_spending.month = %(month)s), 0)
        + coalesce((SELECT sum(amount_usd) FROM ai_reservations
            WHERE ai_reservations.month = %(month)s AND expires_at > now()
            AND scopes.scope = ANY(ai_reservations.scopes)), 0) AS used
    FROM scopes
)
INSERT INTO ai_reservations (month, scopes, amount_usd, expires_at, cap_usd)
SELECT %(month)s, (SELECT array_agg(scope) FROM scopes), %(amount)s, now() + %(lifetime)s,
    %(cap)s::numeric
WHERE NOT EXISTS (SELECT FROM used WHERE used.used + %(amount)s > used.cap)
RETURNING id"""

# Whoever holds the lock meanwhile sees the reservation or the cost, never neither and never both.
# The rows are taken in one order, `all` first, as reservations do: nobody waits in a circle.
# What passes a level of its budget is noted in the same statement, once a level and month.
_SETTLE: Final[LiteralString] = """
WITH gone AS (
    DELETE FROM ai_reservations WHERE id = %(id)s RETURNING month, scopes, cap_usd
), spent AS (
    INSERT INTO ai_spending (scope, month, spent_usd)
    SELECT scope, month, %(cost)s FROM gone, unnest(scopes) AS scope
    ORDER BY scope
    ON CONFLICT (scope, month) DO UPDATE SET spent_usd = ai_spending.spent_usd + EXCLUDED.spent_usd
    RETURNING scope, month, spent_usd
), budgets AS (
    SELECT spent.scope, to_char(spent.month, 'YYYY-MM') AS month, spent.spent_usd,
        CASE WHEN spent.scope = 'all' THEN gone.cap_usd
            ELSE coalesce(api_keys.monthly_budget_usd, repositories.monthly_budget_usd) END AS cap,
        repositories.id AS repository_id, coalesce(api_keys.name, '') AS name
    FROM gone, spent
    LEFT JOIN api_keys ON api_keys.id =
        CASE WHEN spent.scope LIKE 'key:%%' THEN substr(spent.scope, 5)::uuid END
    LEFT JOIN repositories ON repositories.id =
        CASE WHEN spent.scope LIKE 'repository:%%' THEN substr(spent.scope, 12)::uuid END
), levels AS (
    SELECT *, CASE WHEN spent_usd >= cap THEN '100' ELSE '80' END AS level
    FROM budgets WHERE cap > 0 AND spent_usd >= cap * 0.8
)
INSERT INTO notices (repository_id, kind, subject, dedupe_key, thread_key, group_key, facts)
SELECT repository_id, 'budget_low', scope, 'budget:' || scope || ':' || month || ':' || level,
    'budget:' || scope || ':' || month, 'budget:' || scope || ':' || month || ':' || level,
    jsonb_build_object('month', month, 'level', level, 'name', name,
        'spent_usd', round(spent_usd, 2)::text, 'cap_usd', round(cap, 2)::text)
FROM levels ORDER BY scope
ON CONFLICT (dedupe_key) DO NOTHING"""

# Long after the expiry: a slow process may still settle what it has reserved.
_FORGET: Final[LiteralString] = (
    "DELETE FROM ai_reservations WHERE expires_at < now() - interval '1 day'"
)


class PostgresBudgetStore:
    """Implements models.ports.BudgetStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # The row's lock lets one through at a time anyway: those of this process wait for it here,
        # without holding connections that others need.
        self._turn = asyncio.Lock()

    async def reserve(self, scope: BudgetScope, amount: Decimal, lifetime: timedelta) -> str:
        """Reserve, or refuse, in one transaction."""
        values: dict[str, Any] = {
            "key": as_uuid(scope.api_key_id) if scope.api_key_id else None,
            "repository": scope.repository,
            "cap": scope.cap,
            "amount": amount,
            "lifetime": lifetime,
        }
        async with self._turn, self._database.transaction() as connection:
            locked = await (await connection.execute(_LOCK)).fetchone()
            assert locked is not None
            values["month"] = locked["month"]
            row = await (await connection.execute(_RESERVE, clean_values(values))).fetchone()
        if row is None:
            raise BudgetExhaustedError
        return str(row["id"])

    async def settle(self, reservation: str, cost: Decimal) -> None:
        """Exchange the reservation for the cost."""
        values = {"id": as_uuid(reservation), "cost": cost}
        async with self._turn, self._database.statement() as connection:
            await connection.execute(_SETTLE, values)

    async def forget(self) -> int:
        """Delete reservations that nobody will settle any more; return how many."""
        async with self._database.transaction() as connection:
            return (await connection.execute(_FORGET)).rowcount
