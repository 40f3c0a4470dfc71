"""Equal files have equal proofs: what is cached of them, and what never is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kova.adapters.memory.database import CacheRow
from kova.analysis.analyze_commit import CommitAnalysis
from kova.fixes.fix import FileFixes
from kova.shared.exceptions import DatabaseUnavailableError
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"
NO_IGNORED: dict[str, frozenset[str]] = {}


async def prove(workshop: Workshop, **files: str) -> tuple[CommitAnalysis, dict[str, FileFixes]]:
    analysis = await workshop.analyze(workshop.push(**files))
    return analysis, workshop.propose.propose(workshop.folder, analysis)


async def store(workshop: Workshop, analysis: CommitAnalysis, proofs: dict[str, FileFixes]) -> None:
    await workshop.proofs().store("r", proofs, analysis.blobs, analysis.findings, NO_IGNORED)


async def test_proofs_come_back_whole(workshop: Workshop) -> None:
    analysis, proofs = await prove(workshop, a=BAD, b="")
    await store(workshop, analysis, proofs)
    cached = await workshop.proofs().load("r", analysis.tree_files, NO_IGNORED)
    assert list(cached) == ["a.py"]
    file = cached["a.py"]
    assert file.content == b"def f():\n    (x)\n"
    (fix,), (proved,) = file.fixes, proofs["a.py"].fixes
    assert (fix.status, fix.patch, fix.verification) == (
        proved.status,
        proved.patch,
        proved.verification,
    )
    assert file.combined == file.fixes


async def test_another_prover_analyser_blob_or_ignored_error_is_not_cached(
    workshop: Workshop,
) -> None:
    analysis, proofs = await prove(workshop, a=BAD)
    await store(workshop, analysis, proofs)
    files, ignored = analysis.tree_files, {"a.py": frozenset({"f"})}
    assert await workshop.proofs("prover 2").load("r", files, NO_IGNORED) == {}
    assert await workshop.proofs().load("r", files, ignored) == {}
    assert await workshop.proofs().load("another", files, NO_IGNORED) == {}
    altered = [replace(files[0], sha="0" * 40)]
    assert await workshop.proofs().load("r", altered, NO_IGNORED) == {}
    workshop.tool.version = "2"
    assert await workshop.proofs().load("r", files, NO_IGNORED) == {}


async def test_the_text_of_a_file_with_a_secret_is_never_cached(workshop: Workshop) -> None:
    analysis, proofs = await prove(workshop, a=BAD, b=BAD)
    secret = tuple(
        replace(finding, match="hash") if finding.path == "a.py" else finding
        for finding in analysis.findings
    )
    await store(workshop, replace(analysis, findings=secret), proofs)
    cached = await workshop.proofs().load("r", analysis.tree_files, NO_IGNORED)
    assert list(cached) == ["b.py"]


async def test_damaged_proofs_are_made_again(workshop: Workshop) -> None:
    analysis, proofs = await prove(workshop, a=BAD)
    await store(workshop, analysis, proofs)
    for payload in (b"no zlib", b"", None):
        for key, row in workshop.database.cache.items():
            workshop.database.cache[key] = CacheRow(payload=payload, used_at=row.used_at)
        assert await workshop.proofs().load("r", analysis.tree_files, NO_IGNORED) == {}


async def test_an_outage_of_the_database_is_raised(workshop: Workshop) -> None:
    analysis, proofs = await prove(workshop, a=BAD)
    workshop.database.available = False
    with pytest.raises(DatabaseUnavailableError):
        await store(workshop, analysis, proofs)
    with pytest.raises(DatabaseUnavailableError):
        await workshop.proofs().load("r", analysis.tree_files, NO_IGNORED)


async def test_without_files_the_database_is_not_asked(workshop: Workshop) -> None:
    workshop.database.available = False
    assert await workshop.proofs().load("r", [], NO_IGNORED) == {}
