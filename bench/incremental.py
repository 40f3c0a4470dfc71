"""A one-file push against a full scan, on a real tree, a fake GitHub and a real Postgres.

    python -m bench.incremental SDIST.tar.gz [--pushes 7]

Counted from the job received to the rows written, and to the end with the check run published. Each
archive is asked for once before, so that making it is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from bench.fake_process import Fake, fake_github, read_archive
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.migrate import migrate
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers
from kova.bootstrap.core import Core
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import load_settings
from kova.bootstrap.workers.scan_worker import handle_scan_job
from kova.errors.error import LifecycleChange
from kova.scans.message import ScanJob, encode_scan_job
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.reach import EVERYTHING
from kova.shared.run_job import Done, JobRunner
from kova_server.embedded.stack import services

NAME = "octo/large"
_SMALL, _LARGE = 8_000, 40_000  # Bytes.


class WatchedErrors(PostgresErrorStore):
    """Tells when the rows of a scan were written."""

    written = 0.0

    async def apply(self, *arguments: Any, **options: Any) -> LifecycleChange:
        """Apply, and note the time."""
        change = await super().apply(*arguments, **options)
        self.written = time.perf_counter()
        return change


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker's job and what watches it."""

    job: JobRunner[ScanJob]
    errors: WatchedErrors
    fake: Fake

    async def time_job(self, sha: str, *, full: bool = False, fix: bool = False) -> Duration:
        """Scan a commit."""
        target = ScanTarget(
            repository=NAME,
            trigger=Trigger.PUSH,
            github_id=1,
            default_branch="main",
            ref="refs/heads/main",
            commit_sha=sha,
            full=full,
            fix=fix,
        )
        if full:
            place = f"{self.fake.url}/repos/{NAME}/tarball/{sha}"
            headers = {"Authorization": f"Bearer {self.fake.token}"}
            await asyncio.to_thread(httpx.get, place, headers=headers, follow_redirects=True)
        gc.collect()
        started = time.perf_counter()
        outcome = await self.job.handle(encode_scan_job(ScanJob(target=target)), 1)
        ended = time.perf_counter()
        assert isinstance(outcome, Done), outcome
        return Duration(written=self.errors.written - started, total=ended - started)


@dataclass(frozen=True, kw_only=True)
class Duration:
    """Seconds from the job received to the rows written, and to its end."""

    written: float
    total: float


async def _time_pushes(worker: Worker, paths: Sequence[str], *, fix: bool) -> list[Duration]:
    """Push an error to one file after the other."""
    line = f"\n\ndef kova_{int(fix)}(x):\n    return x is 'a'\n"
    return [
        await worker.time_job(worker.fake.push(NAME, path, line.encode()), fix=fix)
        for path in paths
    ]


async def _time_full_scans(worker: Worker, path: str, number: int, *, fix: bool) -> list[Duration]:
    return [
        await worker.time_job(worker.fake.push(NAME, path, b"\n"), full=True, fix=fix)
        for _ in range(number)
    ]


def _choose_paths(archive: Path, number: int) -> list[str]:
    """Choose source files of an ordinary size, spread over the tree, that no analyser flags."""
    files = read_archive(archive)
    ordinary = sorted(
        path
        for path, content in files.items()
        if path.endswith(".py") and _SMALL < len(content) < _LARGE and "test" not in path
    )
    candidates = ordinary[:: max(len(ordinary) // (3 * number), 1)]
    with tempfile.TemporaryDirectory() as name:
        for place, path in enumerate(candidates):
            Path(name, f"{place}.py").write_bytes(files[path])
        names = [f"{place}.py" for place in range(len(candidates))]
        findings = AnalyzeTree(local_analyzers()).analyze(Path(name), names).findings
    flagged = {finding.path for finding in findings}
    clean = [path for place, path in enumerate(candidates) if f"{place}.py" not in flagged]
    return clean[:number]


async def _measure(database: str, fake: Fake, archive: Path, paths: Sequence[str]) -> None:
    environment = {
        "KOVA_DATABASE_URL": database,
        "KOVA_GITHUB_API_URL": fake.url,
        "KOVA_GITHUB_TOKEN": fake.token,
        "KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:9/000000000000/none",  # Nothing is sent.
    }
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    core = Core(load_settings(environment))
    scans, errors = ScanRoot(core), WatchedErrors(core.database)
    scans.__dict__["stores"] = replace(scans.stores, errors=errors)
    worker = Worker(job=handle_scan_job(core, scans), errors=errors, fake=fake)
    first = await worker.time_job(await asyncio.to_thread(fake.create, NAME, archive))
    print(f"the first scan, which also indexes the code: {first.total:.1f} s")
    for fix in (False, True):
        full = await _time_full_scans(worker, paths[0], 3 - fix, fix=fix)
        pushes = await _time_pushes(worker, paths, fix=fix)
        print("with proofs" if fix else "without fixes")
        for name in ("written", "total"):
            fulls = [getattr(duration, name) for duration in full]
            singles = [getattr(duration, name) for duration in pushes]
            ratio = statistics.median(fulls) / statistics.median(singles)
            print(
                f"  {name}: full {_describe(fulls)}; one file {_describe(singles)}; 1/{ratio:.1f}"
            )
    page = await scans.stores.scans.get(await _latest(core), EVERYTHING)
    await core.close()
    print(f"the last scan's counts {page.stats if page else None}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the worker's process {peak:.0f} MB")


async def _latest(core: Core) -> str:
    async with core.database.transaction() as connection:
        row = await (
            await connection.execute("SELECT id FROM scans ORDER BY created_at DESC LIMIT 1")
        ).fetchone()
    assert row is not None
    return str(row["id"])


def _describe(seconds: list[float]) -> str:
    listed = " ".join(f"{second:.3f}" for second in seconds)
    return f"median {statistics.median(seconds):.3f} s of {listed}"


def _time_tools(archive: Path) -> None:
    """Time the tools alone and the analysis around them, on the same folder."""
    analyzers = local_analyzers()
    with tempfile.TemporaryDirectory() as name:
        folder, paths = Path(name), []
        for path, content in read_archive(archive).items():
            if any(analyzer.handles(path) for analyzer in analyzers):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                paths.append(path)
        tree = AnalyzeTree(analyzers)
        for attempt in range(3):
            started = time.perf_counter()
            for analyzer in analyzers:
                analyzer.analyze(folder, [path for path in paths if analyzer.handles(path)])
            alone = time.perf_counter() - started
            started = time.perf_counter()
            tree.analyze(folder, paths)
            total = time.perf_counter() - started
            print(f"tools {alone:.2f} s, analysis {total:.2f} s, {total / alone:.2f}x ({attempt})")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", type=Path)
    parser.add_argument("--pushes", type=int, default=7)
    options = parser.parse_args()
    paths = _choose_paths(options.archive, options.pushes)
    _time_tools(options.archive)
    with tempfile.TemporaryDirectory(prefix="kova-bench-") as name, services(Path(name)) as started:
        database = started["KOVA_DATABASE_URL"]
        migrate(database)
        with fake_github() as fake:
            asyncio.run(_measure(database, fake, options.archive, paths))


if __name__ == "__main__":
    main()
