"""A one-file push against a full scan, on a real tree, a fake GitHub and a real Postgres.

    python -m bench.incremental SDIST.tar.gz FILE_IN_IT [--pushes 7]

Counted from the job received to the rows written and the check run published.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import statistics
import tempfile
import time
from pathlib import Path

from bench.fake_process import Fake, fake_github, read_archive
from kova.bootstrap.analyzers import local_analyzers
from kova.bootstrap.container import Container
from kova.bootstrap.scan_worker import handle_scan_job
from kova.bootstrap.settings import load_settings
from kova.domain.job import encode_scan_job
from kova.domain.scan import ScanTarget, Trigger
from kova.usecases.analyze_tree import AnalyzeTree
from kova.usecases.handle_scan_job import Done, HandleScanJob
from kova_server.embedded.stack import services
from kova_server.migrations import migrate

NAME = "octo/large"


async def _timed(job: HandleScanJob, sha: str, *, full: bool = False, fix: bool = False) -> float:
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
    gc.collect()
    started = time.perf_counter()
    outcome = await job.run(encode_scan_job(target), 1)
    seconds = time.perf_counter() - started
    assert isinstance(outcome, Done), outcome
    return seconds


async def _pushes(
    container: Container, fake: Fake, path: str, number: int, *, fix: bool
) -> list[float]:
    job = handle_scan_job(container)
    seconds = []
    for count in range(number):
        line = f"\n\ndef kova_{int(fix)}_{count}(x):\n    return x is 'a'\n"
        sha = fake.push(NAME, path, line.encode())
        seconds.append(await _timed(job, sha, fix=fix))
    return seconds


async def _measure(database: str, fake: Fake, archive: Path, path: str, number: int) -> None:
    environment = {
        "KOVA_DATABASE_URL": database,
        "KOVA_GITHUB_API_URL": fake.url,
        "KOVA_GITHUB_TOKEN": fake.token,
    }
    container = Container(load_settings(environment))
    job = handle_scan_job(container)
    sha = await asyncio.to_thread(fake.create, NAME, archive)
    full = [await _timed(job, sha, full=True)]
    for _ in range(2):
        sha = fake.push(NAME, path, b"\n")
        full.append(await _timed(job, sha, full=True))
    one = await _pushes(container, fake, path, number, fix=False)
    sha = fake.push(NAME, path, b"\n")
    full_fix = await _timed(job, sha, full=True, fix=True)
    one_fix = await _pushes(container, fake, path, number, fix=True)
    page = await container.stores.scans.get(await _latest(container))
    await container.close()
    median_full, median_one = statistics.median(full), statistics.median(one)
    print(f"full scan              {_list(full)}")
    print(f"one-file push          {_list(one)}")
    print(f"ratio                  1/{median_full / median_one:.1f}")
    print(f"full scan with proofs  {full_fix:.2f} s")
    print(f"one-file push with proofs {_list(one_fix)}")
    print(f"ratio                  1/{full_fix / statistics.median(one_fix):.1f}")
    print(f"the last scan's counts {page.stats if page else None}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the worker's process {peak:.0f} MB")


async def _latest(container: Container) -> str:
    async with container.database.transaction() as connection:
        row = await (
            await connection.execute("SELECT id FROM scans ORDER BY created_at DESC LIMIT 1")
        ).fetchone()
    assert row is not None
    return str(row["id"])


def _list(seconds: list[float]) -> str:
    listed = " ".join(f"{one:.3f}" for one in seconds)
    return f"median {statistics.median(seconds):.3f} s of {listed}"


def _by_hand(archive: Path) -> None:
    """Time the tools alone and the analysis around them, on the same folder."""
    analyzers = local_analyzers()
    with tempfile.TemporaryDirectory() as name:
        folder, paths = Path(name), []
        for path, content in read_archive(archive).items():
            if any(one.handles(path) for one in analyzers):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                paths.append(path)
        tree = AnalyzeTree(analyzers)
        for attempt in range(3):
            started = time.perf_counter()
            for one in analyzers:
                one.analyze(folder, [path for path in paths if one.handles(path)])
            alone = time.perf_counter() - started
            started = time.perf_counter()
            tree.run(folder, paths)
            whole = time.perf_counter() - started
            print(f"tools {alone:.2f} s, analysis {whole:.2f} s, {whole / alone:.2f}x ({attempt})")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", type=Path)
    parser.add_argument("path")
    parser.add_argument("--pushes", type=int, default=7)
    options = parser.parse_args()
    _by_hand(options.archive)
    with tempfile.TemporaryDirectory(prefix="kova-bench-") as name, services(Path(name)) as started:
        database = started["KOVA_DATABASE_URL"]
        migrate(database)
        with fake_github() as fake:
            asyncio.run(_measure(database, fake, options.archive, options.path, options.pushes))


if __name__ == "__main__":
    main()
