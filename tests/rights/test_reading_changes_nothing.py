"""Looking at any address changes nothing: previews, prefetches and crawlers look, too."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import pytest
import redis
from psycopg import sql

from kova.adapters.redis import keys
from tests.rights.conftest import INSIDE, Rights
from tests.rights.routes import ROUTES

GETS = sorted(name for name in ROUTES if name.startswith("GET "))
NOTED_USE = {"api_keys": "last_used_at"}
"""Columns that say when something was last used."""


EXPORTS = {"GET /ui/reports/errors.csv", "GET /ui/reports/month.csv"}
"""What people take with them is in the audit log."""


def rows(rights: Rights) -> Mapping[str, list[str]]:
    """Return the rows of every table."""
    with psycopg.connect(rights.kova.environment["KOVA_DATABASE_URL"]) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
            )
        ]
        by_table = {}
        for table in tables:
            query = sql.SQL("SELECT (to_jsonb(t) - %s)::text FROM {} t").format(
                sql.Identifier(table)
            )
            left_out = NOTED_USE.get(table, "")
            by_table[table] = sorted(text for (text,) in connection.execute(query, [left_out]))
        return by_table


def sessions(rights: Rights) -> Mapping[str, bytes | None]:
    """Return what Redis holds of the sessions; other tests have theirs in it, too."""
    with redis.Redis.from_url(rights.kova.environment["KOVA_REDIS_URL"]) as client:
        return {
            name: client.get(keys.person_session(opened.session.id))
            for name, opened in rights.sessions.items()
        }


@pytest.mark.parametrize("name", GETS)
def test_looking_changes_nothing(rights: Rights, name: str) -> None:
    row, before = ROUTES[name], (rows(rights), sessions(rights))
    for headers in ({"key": rights.keys["everything"]}, {"session": "admin"}, {}):
        rights.call("GET", row, INSIDE, **headers)
    after = (rows(rights), sessions(rights))
    if name in EXPORTS:
        before = ({**before[0], "audit_log": after[0]["audit_log"]}, before[1])
    assert after == before
