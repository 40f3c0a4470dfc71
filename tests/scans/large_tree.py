# ruff: noqa: ARG002 (the ports name what is not needed here)
"""Analyse a tree of so many files that come from nowhere; print counts and peak memory."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from kova.analysis.analyze_commit import AnalyzeCommit, CommitRequest
from kova.analysis.finding_cache import FindingCache
from kova.analysis.repository_settings import KovaTomlSettings
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers
from kova.scans.coverage import coverage_of
from kova.shared.code_source import CodeSource, FetchLimits, Tree, TreeFile
from kova.shared.repository import RepositoryRef
from kova.shared.skipped import Skipped

CODE = b"def f(x):\n    return x is 'a'\n"


class GeneratedSource(CodeSource):
    """A commit whose files are made as they are asked for."""

    def __init__(self, number: int) -> None:
        self._number = number

    async def tree(self, repository: RepositoryRef, commit_sha: str) -> Tree:
        sha = hashlib.sha1(commit_sha.encode(), usedforsecurity=False).hexdigest()
        paths = (f"d{number % 1_000}/m{number}.py" for number in range(self._number))
        files = tuple(TreeFile(path=path, sha=sha, size=len(CODE)) for path in paths)
        return Tree(commit_sha=commit_sha, files=files, skipped=(), complete=True)

    async def download(
        self,
        repository: RepositoryRef,
        commit_sha: str,
        files: Sequence[TreeFile],
        folder: Path,
        limits: FetchLimits,
    ) -> tuple[Skipped, ...]:
        for file in files:
            target = folder / file.path
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(CODE)
        return ()


class EmptyCache:
    """A cache that keeps nothing, but is told everything."""

    async def load(self, repository_id: str, keys: Sequence[bytes]) -> dict[bytes, bytes | None]:
        return {}

    async def store(self, repository_id: str, payloads: Mapping[bytes, bytes | None]) -> None:
        assert all(payloads.values())

    async def clean(self, repository_id: str) -> None:
        return


def peak_kilobytes() -> int:
    """Return this process's peak. That of getrusage() is at least its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


async def main(number: int, max_files: int) -> None:
    analyze = AnalyzeTree(local_analyzers())
    cache = EmptyCache()
    commits = AnalyzeCommit(
        source=GeneratedSource(number),  # type: ignore[abstract]
        analyzers=analyze,
        limits=FetchLimits(files=max_files),
        cache=FindingCache(cache=cache, analyzers=analyze),
    )
    request = CommitRequest(
        repository_ref=RepositoryRef(full_name="o/r"), repository_id="r", commit_sha="c"
    )
    with tempfile.TemporaryDirectory() as name:
        analysis = await commits.analyze(request, Path(name))
    coverage_of(analysis, KovaTomlSettings(), {})
    sys.stdout.write(f"{len(analysis.analyzed)} {len(analysis.skipped)} {peak_kilobytes()}\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
