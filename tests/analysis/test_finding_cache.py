"""Equal files have equal findings: what is cached of them, and what never is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kova.adapters.memory.cache import MemoryAnalysisCache
from kova.adapters.memory.code_source import blob_sha
from kova.adapters.memory.database import CacheRow, MemoryDatabase
from kova.analysis.analysis import Analysis
from kova.analysis.finding_cache import FindingCache
from kova.analysis.ports import Analyzer
from kova.analysis.run_analyzers import AnalyzeTree
from kova.shared.code_source import TreeFile
from kova.shared.exceptions import DatabaseUnavailableError
from tests.support.analyzer import MarkAnalyzer

FILES = {"a.py": b"BAD(x)\nBAD(y)  # kova: ignore", "b.py": b""}


class CacheRoom:
    """Analyses files in a folder and caches the results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = MemoryDatabase()

    def cache(self, *analyzers: Analyzer) -> FindingCache:
        tree = AnalyzeTree(analyzers or [MarkAnalyzer()])
        return FindingCache(cache=MemoryAnalysisCache(self.database), analyzers=tree)

    def files(self, contents: dict[str, bytes]) -> list[TreeFile]:
        for path, content in contents.items():
            (self.folder / path).write_bytes(content)
        return [
            TreeFile(path=path, sha=blob_sha(content), size=len(content))
            for path, content in contents.items()
        ]

    async def store(self, *analyzers: Analyzer) -> Analysis:
        tools: Sequence[Analyzer] = analyzers or [MarkAnalyzer()]
        files = self.files(FILES)
        analysis = AnalyzeTree(tools).analyze(self.folder, list(FILES))
        await self.cache(*tools).store("r", files, analysis)
        return analysis

    async def load(self, *analyzers: Analyzer, **contents: bytes) -> Analysis:
        files = {f"{name}.py": content for name, content in contents.items()}
        return await self.cache(*analyzers).load("r", self.files(files or FILES))


@pytest.fixture
def room(tmp_path: Path) -> CacheRoom:
    return CacheRoom(tmp_path)


async def test_what_was_analysed_comes_back_whole(room: CacheRoom) -> None:
    analysis = await room.store()
    cached = await room.load()
    places = [
        (finding.path, finding.span, finding.fingerprint, finding.traits)
        for finding in analysis.findings
    ]
    assert [
        (finding.path, finding.span, finding.fingerprint, finding.traits)
        for finding in cached.findings
    ] == places
    assert [finding.suppressed for finding in cached.suppressed] == ["kova: ignore"]
    assert cached.cached == cached.analyzed == {"a.py", "b.py"}
    assert cached.coverage == analysis.coverage


async def test_the_text_of_an_edit_is_not_cached_but_that_there_is_one(room: CacheRoom) -> None:
    await room.store()
    (finding,) = (await room.load()).findings
    assert finding.edit is not None
    assert (finding.edit.edits, finding.edit.safe) == ((), True)


async def test_another_blob_path_repository_or_version_is_not_cached(room: CacheRoom) -> None:
    await room.store()
    assert (await room.load(a=b"BAD(z)")).cached == frozenset()
    assert (await room.load(c=FILES["a.py"])).cached == frozenset()
    assert (await room.load(MarkAnalyzer(version="2"))).cached == frozenset()
    assert (await room.cache().load("another", room.files(FILES))).cached == frozenset()


async def test_nothing_is_cached_of_an_analyser_that_did_not_finish(room: CacheRoom) -> None:
    tools = [MarkAnalyzer(), MarkAnalyzer(name="broken", completed=False, rules=())]
    await room.store(*tools)
    assert (await room.load(*tools)).cached == frozenset()


@pytest.mark.parametrize(
    ("reason", "cached"), [("tool_timed_out", {"b.py"}), ("too_nested", {"a.py", "b.py"})]
)
async def test_a_reason_to_skip_is_cached_where_it_is_the_file_itself(
    room: CacheRoom, reason: str, cached: set[str]
) -> None:
    tool = MarkAnalyzer(skips={"a.py": reason})
    await room.store(tool)
    analysis = await room.load(tool)
    assert analysis.cached == cached
    assert analysis.analyzed == {"b.py"}
    assert [skip.path for skip in analysis.skipped] == sorted(cached - {"b.py"})
    (coverage,) = analysis.coverage
    assert coverage.paths == {"b.py"}


async def test_damaged_rows_are_analysed_again(room: CacheRoom) -> None:
    await room.store()
    for key, row in room.database.cache.items():
        room.database.cache[key] = CacheRow(payload=b"no zlib", used_at=row.used_at)
    assert (await room.load()).cached == frozenset()


async def test_without_the_database_nothing_is_said(room: CacheRoom) -> None:
    await room.store()
    room.database.available = False
    with pytest.raises(DatabaseUnavailableError):
        await room.load()


async def test_findings_of_a_program_are_cached_for_just_its_files(room: CacheRoom) -> None:
    tools = [MarkAnalyzer(), MarkAnalyzer(name="program", whole_program=True)]
    files = room.files(FILES)
    analysis = AnalyzeTree(tools).analyze(room.folder, list(FILES))
    cache = room.cache(*tools)
    await cache.store_program("r", files, analysis)
    findings = await cache.load_program("r", files)
    assert findings is not None
    assert {finding.analyzer for finding in findings} == {"program"}
    assert len(findings) == 2
    assert await cache.load_program("r", files[:1]) is None
    assert (await cache.load("r", files)).cached == frozenset()


async def test_findings_of_a_program_that_did_not_finish_are_not_cached(room: CacheRoom) -> None:
    tool = MarkAnalyzer(name="program", whole_program=True, completed=False)
    files = room.files(FILES)
    analysis = AnalyzeTree([tool]).analyze(room.folder, list(FILES))
    cache = room.cache(tool)
    await cache.store_program("r", files, analysis)
    assert await cache.load_program("r", files) is None
