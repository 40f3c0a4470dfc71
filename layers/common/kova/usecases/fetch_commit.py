"""Fetch a commit's files into a private folder and analyse them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kova.domain.finding import Skipped
from kova.domain.introduced import introduced
from kova.domain.scan import Analysis
from kova.ports.source import CodeSource, Comparison, FetchLimits, RepositoryRef
from kova.usecases.analyze_tree import AnalyzeTree
from kova.usecases.select_files import select


class FetchCommit:
    """The way from a commit id to an analysis."""

    def __init__(self, *, source: CodeSource, analyze: AnalyzeTree, limits: FetchLimits) -> None:
        """Take GitHub, the analysers, and what a fetch may cost."""
        self._source = source
        self._analyze = analyze
        self._limits = limits

    async def whole(self, repository: RepositoryRef, commit_sha: str, folder: Path) -> Analysis:
        """Analyse everything of a commit."""
        return await self._analysis(repository, commit_sha, folder, only=None)

    async def pull_request(
        self, repository: RepositoryRef, base: str, head: str, folder: Path
    ) -> Analysis:
        """Analyse what a pull request changed, less what its merge base had already."""
        compared = await self._source.compare(repository, base, head)
        head_folder, base_folder = folder / "head", folder / "base"
        head_folder.mkdir()
        base_folder.mkdir()
        after = await self._analysis(repository, head, head_folder, only=compared.changed)
        before = await self._analysis(
            repository, compared.merge_base_sha, base_folder, only=_old_paths(compared)
        )
        skipped = after.skipped
        if not compared.complete:
            skipped += (Skipped(path="", reason="comparison_incomplete"),)
        return Analysis(
            findings=introduced(after.findings, before.findings, compared.renamed),
            skipped=skipped,
            files=after.files,
            analyzed=after.analyzed,
            incomplete=after.incomplete | before.incomplete,
        )

    async def _analysis(
        self,
        repository: RepositoryRef,
        commit_sha: str,
        folder: Path,
        only: frozenset[str] | None,
    ) -> Analysis:
        tree = await self._source.tree(repository, commit_sha)
        files = [file for file in tree.files if only is None or file.path in only]
        wanted, skipped = select(files, self._analyze.handles, self._limits)
        skipped += [
            one
            for one in tree.skipped
            if self._analyze.handles(one.path) and (only is None or one.path in only)
        ]
        if not tree.complete:
            skipped.append(Skipped(path="", reason="tree_incomplete"))
        missing = await self._source.download(repository, commit_sha, wanted, folder, self._limits)
        absent = {one.path for one in missing}
        paths = [file.path for file in wanted if file.path not in absent]
        return await asyncio.to_thread(self._analyze.run, folder, paths, [*skipped, *missing])


def _old_paths(compared: Comparison) -> frozenset[str]:
    return frozenset(compared.renamed.get(path, path) for path in compared.changed)
