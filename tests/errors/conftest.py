"""The error store on a real Postgres, driven by analyses of small trees."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.scans import PostgresScanStore
from kova.analysis.analysis import Analysis
from kova.errors.error import LifecycleChange
from kova.errors.lifecycle import History
from kova.errors.ports import ErrorFilter
from kova.scans.scan import ScanStats, ScanStatus, ScanTarget, Trigger
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.repository import RepositoryInfo
from tests.support.findings import analysis_of


class Errors:
    """One repository's errors; every call is one scan unless a claim is given."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self.database = Database(url)
        self.store = PostgresErrorStore(self.database)
        self._scans = PostgresScanStore(self.database)
        self.name = f"octo/{uuid.uuid4().hex}"
        info = RepositoryInfo(
            full_name=self.name,
            github_id=uuid.uuid4().int % 2**62,
            installation_id=None,
            default_branch="main",
            private=False,
        )
        self.repository_id = self.run(PostgresRepositoryStore(self.database).save(info)).id

    def close(self) -> None:
        self.run(self.database.close())
        self._runner.close()

    def run(self, awaitable: Any) -> Any:
        return self._runner.run(awaitable)

    def claim(self, commit: str) -> ClaimedScan:
        target = ScanTarget(
            repository=self.name,
            trigger=Trigger.API,
            ref="refs/heads/main",
            commit_sha=commit,
            scan_id=str(uuid.uuid4()),
        )
        scan = self.run(self._scans.create(target, self.repository_id))
        return self.run(self._scans.claim(scan.id, timedelta(seconds=60)))  # type: ignore[no-any-return]

    def scan(
        self,
        commit: str,
        files: Mapping[str, str] | Analysis,
        history: History | None = None,
        claim: ClaimedScan | None = None,
        **kwargs: Any,
    ) -> LifecycleChange:
        analysis = files if isinstance(files, Analysis) else analysis_of(files, **kwargs)
        own = claim or self.claim(commit)
        change = self.run(self.store.apply(own, commit, analysis, history))
        if claim is None:
            self.run(self._scans.finish(own, ScanStatus.SUCCEEDED, stats=ScanStats(), skipped=()))
        return change  # type: ignore[no-any-return]

    def counts(self, *args: Any, **kwargs: Any) -> tuple[int, int, int]:
        """Scan and return how many errors are new, fixed and reopened."""
        change = self.scan(*args, **kwargs)
        return change.new, change.fixed, change.reopened

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the rows by id."""

        async def read() -> dict[str, dict[str, Any]]:
            async with self.database.transaction() as connection:
                cursor = await connection.execute(
                    "SELECT * FROM errors WHERE repository_id = %s", (self.repository_id,)
                )
                return {str(row["id"]): row async for row in cursor}

        return self.run(read())  # type: ignore[no-any-return]

    def statuses(self) -> dict[tuple[str, int], str]:
        """Return the status by path and line."""
        rows = self.rows().values()
        return {(row["path"], row["start_line"]): row["status"] for row in rows}

    def execute(self, query: str, *values: Any) -> None:
        async def write() -> None:
            async with self.database.transaction() as connection:
                await connection.execute(query, values)  # type: ignore[call-overload]

        self.run(write())

    def count_listed(self) -> int:
        page = self.run(
            self.store.page(PageRequest(), ErrorFilter(repository=self.name), EVERYTHING)
        )
        return len(page.items)


@pytest.fixture
def errors(database_url: str) -> Iterator[Errors]:
    new_errors = Errors(database_url)
    yield new_errors
    new_errors.close()
