"""The scan job in this process, against the fake GitHub and a real Postgres."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from kova.adapters.github.publisher import GitHubPublisher
from kova.adapters.memory.queues import MemoryScanQueue
from kova.adapters.postgres.cache import PostgresAnalysisCache
from kova.analysis.ports import Analyzer
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers, prove_fix
from kova.bootstrap.core import Core
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import load_settings
from kova.bootstrap.workers.scan_job import scan_repository
from kova.scans.message import ScanJob
from kova.scans.scan import Scan, ScanTarget, Trigger
from kova.shared.code_source import FetchLimits
from kova.shared.reach import EVERYTHING
from kova_fakes.github import FakeGitHub, serve_github

NAME = "octo/sample"


class Desk:
    """Scans what is pushed, and counts what GitHub was asked for."""

    def __init__(self, github: FakeGitHub, url: str) -> None:
        self.github = github
        self._runner = asyncio.Runner()
        environment = {
            "KOVA_DATABASE_URL": url,
            "KOVA_GITHUB_API_URL": github.url,
            "KOVA_GITHUB_APP_ID": github.app_id,
            "KOVA_GITHUB_PRIVATE_KEY": github.private_key_pem,
        }
        self.core = Core(load_settings(environment))
        self.stores = ScanRoot(self.core).stores
        self.analyzers: list[Analyzer] = local_analyzers()
        self.limits = FetchLimits()

    def close(self) -> None:
        self.run(self.core.close())
        self._runner.close()

    def run(self, awaitable: Any) -> Any:
        return self._runner.run(awaitable)

    def push(self, files: dict[str, bytes], **kwargs: Any) -> str:
        names = {repository.full_name for repository in self.github.state.repositories()}
        if NAME not in names:
            return self.github.state.create_repository(NAME, files=files)
        return self.github.state.push(NAME, files, **kwargs)

    def scan(self, **fields: Any) -> Scan:
        """Scan the head of main with the analysers of the moment."""
        head = self.github.state.head(NAME, "main")
        target = ScanTarget(
            **{
                "repository": NAME,
                "trigger": Trigger.API,
                "ref": "refs/heads/main",
                "commit_sha": head,
                "scan_id": str(uuid.uuid4()),
                **fields,
            }
        )
        analyze = AnalyzeTree(self.analyzers)
        job = scan_repository(
            stores=self.stores,
            source=self.core.source,
            queue=MemoryScanQueue(),
            analyzers=analyze,
            prove=prove_fix(analyze),
            publisher=GitHubPublisher(self.core.github),
            limits=self.limits,
            meter=self.core.meter,
        )
        scan = self.run(
            self.stores.scans.get(self.run(job.scan(ScanJob(target=target))), EVERYTHING)
        )
        assert scan.status == "succeeded", scan.failure
        return scan  # type: ignore[no-any-return]

    def pull(self, head: str) -> Scan:
        """Open a pull request of a branch and scan it."""
        number = self.github.state.open_pull(NAME, head=head, base="main", title="Change")
        return self.scan(
            trigger=Trigger.PULL_REQUEST,
            pull_request=number,
            ref=f"refs/pull/{number}/head",
            base_sha=self.github.state.head(NAME, "main"),
            commit_sha=self.github.state.head(NAME, head),
        )

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async def read() -> list[dict[str, Any]]:
            async with self.core.database.transaction() as connection:
                cursor = await connection.execute(query, values)  # type: ignore[call-overload]
                return list(await cursor.fetchall()) if cursor.description else []

        return self.run(read())  # type: ignore[no-any-return]

    def errors(self) -> dict[tuple[str, int, str], str]:
        rows = self.rows("SELECT path, start_line, rule_id, status FROM errors")
        return {(row["path"], row["start_line"], row["rule_id"]): row["status"] for row in rows}

    def list_fetched(self) -> list[str]:
        """Return what was asked of GitHub since the last call: blobs and tarballs."""
        paths = [request.path for request in self.github.state.requests if request.method == "GET"]
        self.github.state.requests.clear()
        kinds = [path.split("/")[4:6] for path in paths if path.startswith("/repos/")]
        return [
            "/".join(kind[:1]) if kind[:1] == ["tarball"] else "/".join(kind)
            for kind in kinds
            if kind[:1] == ["tarball"] or kind == ["git", "blobs"]
        ]

    def cache(self, **limits: Any) -> PostgresAnalysisCache:
        return PostgresAnalysisCache(self.core.database, **limits)

    def summary(self) -> str:
        """Return the text of the last check run."""
        return str(self.github.state.check_runs(NAME)[-1]["output"]["summary"])


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with serve_github() as github:
        new_desk = Desk(github, database_url)
        yield new_desk
        new_desk.close()
