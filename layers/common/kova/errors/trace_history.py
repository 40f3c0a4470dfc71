"""Find what happened since the last scan that changed the errors: renames, new tools."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from kova.analysis.analysis import Analysis
from kova.analysis.analyze_commit import AnalyzeCommit, CommitAnalysis, CommitRequest
from kova.analysis.introduced import select_introduced
from kova.errors.lifecycle import History
from kova.errors.ports import ErrorStore
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError


class TraceHistory:
    """Compares a commit with the last one whose scan changed the errors, where that can matter."""

    def __init__(
        self, *, errors: ErrorStore, source: CodeSource, commit_analysis: AnalyzeCommit
    ) -> None:
        self._errors = errors
        self._source = source
        self._commit_analysis = commit_analysis

    async def trace(self, analysis: CommitAnalysis) -> History:
        """Return what happened between the last scan that changed the errors and this commit."""
        request = analysis.request
        state = await self._errors.state(request.repository_id)
        if state is None or state.commit_sha is None:
            return History()
        upgraded = frozenset(
            coverage.name
            for coverage in analysis.coverage
            if state.identities.get(coverage.name) != coverage.identity
        )
        if state.commit_sha == request.commit_sha:
            return History(upgraded=upgraded, unchanged=frozenset(analysis.blobs))
        deleted: frozenset[str] = frozenset()
        if analysis.listed is not None:
            deleted = await self._errors.live_paths(request.repository_id) - analysis.listed
        if not upgraded and not deleted:
            return History()
        try:
            tree = await self._source.tree(request.repository_ref, state.commit_sha)
            before = {file.path: file.sha for file in tree.files}
            moved = await self._find_moved(
                request, state.commit_sha, before, analysis.blobs, deleted
            )
        except (RepositoryNotFoundError, GitHubRefusedError):
            return History(upgraded=upgraded)  # Pushed away by force, and collected since.
        older: frozenset[str] = frozenset()
        if upgraded:
            older = await self._find_older(request, state.commit_sha, before, moved, analysis)
        return History(
            moved=moved,
            upgraded=upgraded,
            unchanged=_unchanged_paths(before, moved, analysis.blobs),
            older=older,
        )

    async def _find_moved(
        self,
        request: CommitRequest,
        before_sha: str,
        before: Mapping[str, str],
        now: Mapping[str, str],
        deleted: frozenset[str],
    ) -> dict[str, str]:
        """Return new paths by old ones: equal blobs, and what GitHub calls renamed."""
        moved = match_blobs(before, now, deleted)
        if deleted - moved.keys():
            compared = await self._source.compare(
                request.repository_ref, before_sha, request.commit_sha
            )
            targets = set(moved.values())
            moved |= {
                old: new
                for new, old in compared.renamed.items()
                if old in deleted and old not in moved and new not in targets
            }
        return moved

    async def _find_older(
        self,
        request: CommitRequest,
        before_sha: str,
        before: Mapping[str, str],
        moved: Mapping[str, str],
        analysis: Analysis,
    ) -> frozenset[str]:
        """Analyse the earlier state of changed files with the tools of today.

        A finding that is there too was not introduced by the commits since.
        """
        old_path = {new: old for old, new in moved.items()}
        changed = {
            path: old_path.get(path, path)
            for path in {finding.path for finding in analysis.findings}
            if before.get(old_path.get(path, path)) not in {None, analysis.blobs.get(path)}
        }
        if not changed:
            return frozenset()
        earlier = replace(
            request, commit_sha=before_sha, tree=None, only=frozenset(changed.values())
        )
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            base = await self._commit_analysis.analyze(earlier, Path(name))
        findings = [finding for finding in analysis.findings if finding.path in changed]
        new = {
            finding.fingerprint for finding in select_introduced(findings, base.findings, changed)
        }
        return frozenset(finding.fingerprint for finding in findings) - new


def match_blobs(
    before: Mapping[str, str], now: Mapping[str, str], deleted: frozenset[str]
) -> dict[str, str]:
    """Return new paths of deleted files by old ones: same content, preferably the same name.

    Linear in the number of files: a push may move thousands that are equal.
    """
    added = sorted(now.keys() - before.keys(), reverse=True)
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    places: dict[str, list[str]] = defaultdict(list)
    for path in added:
        named[now[path], PurePosixPath(path).name].append(path)
        places[now[path]].append(path)
    moved: dict[str, str] = {}
    for old in sorted(deleted & before.keys()):
        if same_name := named.get((before[old], PurePosixPath(old).name)):
            moved[old] = same_name.pop()
    taken = set(moved.values())
    for old in sorted(deleted & before.keys() - moved.keys()):
        free = places.get(before[old], [])
        while free and free[-1] in taken:
            free.pop()
        if free:
            moved[old] = free.pop()
    return moved


def _unchanged_paths(
    before: Mapping[str, str], moved: Mapping[str, str], now: Mapping[str, str]
) -> frozenset[str]:
    old_path = {new: old for old, new in moved.items()}
    return frozenset(
        path for path, sha in now.items() if before.get(old_path.get(path, path)) == sha
    )
