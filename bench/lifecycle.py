"""How long 100,000 errors take to be recognised and written, on a real Postgres.

python -m bench.lifecycle [--errors 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.migrate import migrate
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.analysis.analysis import Analysis, AnalyzerCoverage
from kova.analysis.finding import Category, Confidence, Finding, Span, Tier
from kova.analysis.fingerprint import identify
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.repository import RepositoryInfo
from kova.shared.severity import Severity
from kova_server.embedded.stack import services

PER_FILE = 50


def _file(path: str, above: int = 0) -> list[Finding]:
    lines = ["# above"] * above + [
        f"def f{number // 5}(x): pass" if number % 5 == 0 else f"    bad('{path}', {number % 7})"
        for number in range(PER_FILE)
    ]
    findings = [
        Finding(
            analyzer="tool",
            rule_id="R1",
            severity=Severity.HIGH,
            tier=Tier.ERROR,
            confidence=Confidence.HIGH,
            category=Category.CORRECTNESS,
            message="Bad.",
            path=path,
            span=Span(start_line=number, start_column=5, end_line=number, end_column=9 + len(path)),
        )
        for number in range(1 + above, PER_FILE + above + 1)
    ]
    return identify(findings, lines)


def _analysis(files: dict[str, list[Finding]], version: str) -> Analysis:
    return Analysis(
        findings=tuple(finding for findings in files.values() for finding in findings),
        skipped=(),
        files=len(files),
        analyzed=frozenset(files),
        coverage=(AnalyzerCoverage(name="tool", identity="tool 1", paths=frozenset(files)),),
        blobs=dict.fromkeys(files, "0" * 40) | {"d/m0.py": version},
        listed=frozenset(files),
    )


async def _measure(url: str, errors: int) -> None:
    database = Database(url)
    store = PostgresErrorStore(database)
    info = RepositoryInfo(
        full_name="octo/large",
        github_id=1,
        installation_id=None,
        default_branch="main",
        private=False,
    )
    repository = await PostgresRepositoryStore(database).save(info)
    files = {f"d/m{number}.py": _file(f"d/m{number}.py") for number in range(errors // PER_FILE)}
    moved = {**files, "d/m0.py": _file("d/m0.py", above=3)[:-1]}
    renamed = {
        f"src/{path}": [replace(finding, path=f"src/{path}") for finding in findings]
        for path, findings in moved.items()
    }
    steps = (
        ("all new", files, "1" * 40),
        ("nothing changed", files, "1" * 40),
        ("one file changed", moved, "2" * 40),
        ("every file renamed, untold", renamed, "2" * 40),
    )
    for name, tree, version in steps:
        claim = ClaimedScan(
            id=str(uuid.uuid4()),
            repository_id=repository.id,
            lease="",
            started_at=datetime.now(UTC),
        )
        analysis = _analysis(tree, version)
        started, cpu = time.perf_counter(), time.process_time()
        change = await store.apply(claim, name, analysis)
        seconds = time.perf_counter() - started
        cpu = time.process_time() - cpu
        print(
            f"{name:28} {seconds:6.2f} s, {cpu:5.2f} s here; {change.new} new, {change.fixed} fixed"
        )
    await database.close()


def main() -> None:
    """Print the seconds of each step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--errors", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kova-bench-") as name, services(Path(name)) as started:
        migrate(started["KOVA_DATABASE_URL"])
        asyncio.run(_measure(started["KOVA_DATABASE_URL"], options.errors))


if __name__ == "__main__":
    main()
