"""`python -m bench.pages [ERRORS]`: how long a page of each list takes with many errors.

Whole requests over HTTP to the server form, one after the other, on a Postgres of their own.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
from rich.console import Console
from rich.table import Table

from examples.demo.stack import running_stack
from tests.support.errors import insert_errors

_ERRORS: Final = 100_000
_REPOSITORIES: Final = 20
_CALLS: Final = 150
_TARGET_MS: Final = 20.0
_QUERIES: Final[dict[str, dict[str, str]]] = {
    "errors, all": {},
    "errors of a repository": {"repository": "octo/r1"},
    "open errors of a repository": {"repository": "octo/r1", "status": "open"},
    "errors by status": {"status": "open"},
    "errors by severity": {"severity": "critical"},
    "errors by severity and status": {"severity": "critical", "status": "fixed"},
    "errors by rule": {"rule": "R7"},
    "errors by analyser and repository": {"analyzer": "zizmor", "repository": "octo/r2"},
    "errors by path": {"path": "src/module_7.py"},
}


def main() -> int:
    """Measure and print a table; 1 when a list misses the target."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else _ERRORS
    table = Table("list", "median ms", "p95 ms", "holds", box=None)
    good = True
    with (
        tempfile.TemporaryDirectory(prefix="kova-bench-") as name,
        running_stack(Path(name), {"KOVA_RATE_LIMIT_PER_MINUTE": "1000000"}) as (address, settings),
        httpx.Client(base_url=address, headers={"X-API-Key": settings["KOVA_API_KEY"]}) as client,
    ):
        _fill(settings["KOVA_DATABASE_URL"], number)
        lists: dict[str, tuple[str, dict[str, str]]] = {
            title: ("/api/errors", query) for title, query in _QUERIES.items()
        }
        lists["repositories"] = ("/api/repositories", {})
        for title, (path, query) in lists.items():
            times = _pages(client, path, query)
            p95 = statistics.quantiles(times, n=20)[-1]
            good &= p95 < _TARGET_MS
            verdict = "yes" if p95 < _TARGET_MS else "no"
            table.add_row(title, f"{statistics.median(times):.1f}", f"{p95:.1f}", verdict)
    Console().print(f"{number} errors, pages of 50, {_CALLS} calls each")
    Console().print(table)
    return 0 if good else 1


def _fill(url: str, number: int) -> None:
    for repository in range(_REPOSITORIES):
        insert_errors(url, f"octo/r{repository}", number // _REPOSITORIES)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """UPDATE errors SET status = 'fixed', fixed_at = now()
            WHERE abs(hashtext(id::text)) % 3 = 0"""
        )
        connection.execute("VACUUM ANALYZE errors")


def _pages(client: httpx.Client, path: str, query: dict[str, str]) -> list[float]:
    times: list[float] = []
    cursor: dict[str, str] = {}
    while len(times) < _CALLS:
        started = time.perf_counter()
        answer = client.get(path, params={**query, **cursor})
        times.append((time.perf_counter() - started) * 1000)
        page: dict[str, Any] = answer.raise_for_status().json()
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
    return times[1:]


if __name__ == "__main__":
    sys.exit(main())
