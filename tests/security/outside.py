"""Two repositories, one of which is marked in every text: an answer shows whether it leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from kova.code_index.ports import Chunk, IndexedFile
from kova.shared.reach import EVERYTHING
from tests.rights.conftest import INSIDE, OUTSIDE, Rights, run_rights
from tests.security.conftest import METRICS_TOKEN
from tests.support.errors import insert_errors
from tests.support.stores import postgres_stores

MARK = "zqoutside"
"""Stands in every text of the repository outside."""
MONTH = f"{datetime.now(UTC):%Y-%m}"
# Its figures as pages write them: open errors alone and with the one inside, money, a budget.
FIGURES = ("1,041", "1,042", "77.77", "123.45")
_MARKED = """
UPDATE errors SET message = '{mark}', snippet = '{mark}', path = '{mark}/' || path
    WHERE repository_id = '{id}';
UPDATE auto_fixes SET patch = '{mark}' FROM errors
    WHERE errors.id = error_id AND repository_id = '{id}';
UPDATE scans SET ref = '{mark}', skipped = '[{{"path": "{mark}", "reason": "too_large"}}]'
    WHERE repository_id = '{id}';
UPDATE ai_commands SET command = '{mark}', output = '{mark}', outcome = 'ok', model = '{mark}',
    cost_usd = 77.77 WHERE repository_id = '{id}';
UPDATE repositories SET slack_channel = 'CZQOUTSIDE', monthly_budget_usd = 123.45
    WHERE id = '{id}';
INSERT INTO ai_spending (scope, month, spent_usd) VALUES
    ('all', date_trunc('month', now()), 77.77),
    ('repository:{id}', date_trunc('month', now()), 77.77)"""


@contextmanager
def run_marked(folder: Path, **extra: str) -> Iterator[Rights]:
    """Run the two repositories with an index of code, and marked texts and figures outside."""
    with run_rights(folder, KOVA_METRICS_TOKEN=METRICS_TOKEN, **extra) as product:
        url = product.kova.environment["KOVA_DATABASE_URL"]
        insert_errors(url, OUTSIDE, 1_040)
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT id FROM repositories WHERE full_name = %s", (OUTSIDE,)
            ).fetchone()
            assert row is not None
            for statement in _MARKED.format(mark=MARK, id=row[0]).split(";"):
                connection.execute(statement)
        asyncio.run(_fill_index(url))
        product.kova.github.state.push(OUTSIDE, {"a.py": MARK.encode()})
        yield product


async def _fill_index(url: str) -> None:
    async with postgres_stores(url) as stores:
        for name, path in ((INSIDE, "inside/vault.py"), (OUTSIDE, f"{MARK}/vault.py")):
            repository = await stores.repositories.get(name, EVERYTHING)
            assert repository is not None
            sha = ("a" if name is INSIDE else "b") * 40
            text = f"def open_vault():\n    return '{path}'"
            chunk = Chunk(blob_sha=sha, path=path, name="open_vault", start_line=1, text=text)
            await stores.code_index.add(repository.id, [chunk])
            await stores.code_index.keep(repository.id, [IndexedFile(path=path, blob_sha=sha)])


def assert_nothing_of_outside(rights: Rights, text: str, *, sent: str = "") -> None:
    """Check an answer for everything of the repository outside that the request did not hold."""
    hidden = [MARK, "CZQOUTSIDE", OUTSIDE, *FIGURES, *rights.things[OUTSIDE].values()]
    assert [secret for secret in hidden if secret in text and secret not in sent] == []


def call(
    rights: Rights, method: str, path: str, body: Any = None, *, key: str = "inside", **headers: str
) -> httpx.Response:
    sent = {"Authorization": f"Bearer {rights.keys.get(key, key)}"}
    sent |= {name.replace("_", "-"): text for name, text in headers.items()}
    return rights.kova.stranger.request(
        method, f"{rights.kova.address}{path}", json=body, headers=sent
    )
