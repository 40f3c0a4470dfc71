"""Analyse what a scan is about, by the repository's own settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kova.analysis.analyze_commit import AnalyzeCommit, CommitAnalysis, CommitRequest
from kova.analysis.introduced import select_introduced
from kova.analysis.kova_toml import BYTES_LIMIT, parse_settings
from kova.analysis.ports import AnalysisCache
from kova.analysis.repository_settings import FILE_NAME, KovaTomlSettings
from kova.scans.pull_request_changes import PullRequestChanges, find_changes
from kova.scans.scan import ScanTarget
from kova.shared.code_source import CodeSource, Tree
from kova.shared.repository import Repository
from kova.shared.skipped import Skipped


class AnalyzeTarget:
    """A branch's commit as a whole, or what a pull request changed."""

    def __init__(
        self,
        *,
        source: CodeSource,
        commit_analysis: AnalyzeCommit,
        cache: AnalysisCache,
    ) -> None:
        self._source = source
        self._commit_analysis = commit_analysis
        self._cache = cache

    async def analyze(
        self, repository: Repository, target: ScanTarget, folder: Path
    ) -> CommitAnalysis:
        """Analyse below a private folder. Of a pull request: what it introduces."""
        assert target.commit_sha is not None
        request = CommitRequest(
            repository_ref=repository.ref,
            repository_id=repository.id,
            commit_sha=target.commit_sha,
            full=target.full,
        )
        if target.base_sha is not None:
            analysis = await self._analyze_pull_request(
                repository, target, target.base_sha, request, folder
            )
        else:
            analysis = await self._analyze_branch(repository, target, request, folder)
        await self._cache.clean(repository.id)
        return analysis

    async def _analyze_branch(
        self, repository: Repository, target: ScanTarget, request: CommitRequest, folder: Path
    ) -> CommitAnalysis:
        tree = await self._commit_analysis.list_tree(request.repository_ref, request.commit_sha)
        settings = await self._settings(repository, target, tree)
        request = replace(request, tree=tree, settings=settings)
        return await self._commit_analysis.analyze(request, folder)

    async def _analyze_pull_request(
        self,
        repository: Repository,
        target: ScanTarget,
        base_sha: str,
        request: CommitRequest,
        folder: Path,
    ) -> CommitAnalysis:
        """Analyse what a pull request changed, less what its merge base had already."""
        settings = await self._default_settings(repository)
        compared = await self._source.compare(
            request.repository_ref,
            base_sha,
            request.commit_sha,
            pull_request=target.pull_request,
        )
        list_tree = self._commit_analysis.list_tree
        head_tree = await list_tree(request.repository_ref, request.commit_sha)
        base_tree = await list_tree(request.repository_ref, compared.merge_base_sha)
        changes = find_changes(base_tree, head_tree, compared)
        head = replace(request, settings=settings, only=changes.changed, tree=head_tree)
        base = replace(
            head, commit_sha=base_tree.commit_sha, only=changes.old_paths, tree=base_tree
        )
        (folder / "head").mkdir()
        (folder / "base").mkdir()
        after = await self._commit_analysis.analyze(head, folder / "head")
        before = await self._commit_analysis.analyze(base, folder / "base")
        unread = _unread_at_base(before, changes)
        judged = [
            finding
            for finding in after.findings
            if finding.path not in unread and finding.analyzer not in before.incomplete
        ]
        skipped = after.skipped
        skipped += tuple(Skipped(path=path, reason="base_unread") for path in sorted(unread))
        if not changes.complete:
            skipped += (Skipped(path="", reason="comparison_incomplete"),)
        return replace(
            after,
            findings=select_introduced(judged, before.findings, changes.renamed),
            skipped=skipped,
            incomplete=after.incomplete | before.incomplete,
            # They are in folders of the head and the base, where nobody else looks.
            tree_files=(),
            fetched_paths=frozenset(),
        )

    async def _settings(
        self, repository: Repository, target: ScanTarget, tree: Tree
    ) -> KovaTomlSettings:
        """Read the settings of the default branch: from this tree when it is its head."""
        if not is_default(repository, target):
            return await self._default_settings(repository)
        if tree.complete and all(file.path != FILE_NAME for file in tree.files):
            return KovaTomlSettings()
        return await self._fetch_settings(repository, tree.commit_sha)

    async def _default_settings(self, repository: Repository) -> KovaTomlSettings:
        return await self._fetch_settings(repository, repository.default_branch)

    async def _fetch_settings(self, repository: Repository, ref: str) -> KovaTomlSettings:
        content = await self._source.root_file(repository.ref, ref, FILE_NAME, BYTES_LIMIT)
        return parse_settings(content)


def _unread_at_base(before: CommitAnalysis, changes: PullRequestChanges) -> frozenset[str]:
    """Return the changed files whose earlier state was not read: what they introduce is unknown."""
    unread = {skip.path for skip in before.skipped if skip.unread}
    return changes.unknown | frozenset(
        path for path in changes.changed if changes.renamed.get(path, path) in unread
    )


def is_default(repository: Repository, target: ScanTarget) -> bool:
    """Tell whether the scan is about the default branch."""
    head = f"refs/heads/{repository.default_branch}"
    return target.ref in {head, repository.default_branch}
