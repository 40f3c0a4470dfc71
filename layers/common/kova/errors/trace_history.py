"""Find out what happened since the last scan that changed the errors: renames, new tools."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from kova.analysis.analysis import Analysis
from kova.analysis.analyze_commit import AnalyzeCommit, CommitAnalysis, CommitRequest
from kova.analysis.introduced import introduced
from kova.errors.lifecycle import History
from kova.errors.ports import ErrorStore
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError


class TraceHistory:
    """Asks GitHub only where the answer can matter."""

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
            one.name for one in analysis.coverage if state.identities.get(one.name) != one.identity
        )
        if state.commit_sha == request.commit_sha:
            return History(upgraded=upgraded, unchanged=frozenset(analysis.blobs))
        gone: frozenset[str] = frozenset()
        if analysis.listed is not None:
            gone = await self._errors.live_paths(request.repository_id) - analysis.listed
        if not upgraded and not gone:
            return History()
        try:
            tree = await self._source.tree(request.repository, state.commit_sha)
            before = {file.path: file.sha for file in tree.files}
            moved = await self._moved(request, state.commit_sha, before, analysis.blobs, gone)
        except (RepositoryNotFoundError, GitHubRefusedError):
            return History(upgraded=upgraded)  # Pushed away by force, and collected since.
        older: frozenset[str] = frozenset()
        if upgraded:
            older = await self._older(request, state.commit_sha, before, moved, analysis)
        return History(
            moved=moved,
            upgraded=upgraded,
            unchanged=_unchanged(before, moved, analysis.blobs),
            older=older,
        )

    async def _moved(
        self,
        request: CommitRequest,
        before_sha: str,
        before: Mapping[str, str],
        now: Mapping[str, str],
        gone: frozenset[str],
    ) -> dict[str, str]:
        """Return new paths by old ones: equal blobs, and what GitHub calls renamed."""
        moved = same_blobs(before, now, gone)
        if gone - moved.keys():
            compared = await self._source.compare(
                request.repository, before_sha, request.commit_sha
            )
            taken = set(moved.values())
            moved |= {
                old: new
                for new, old in compared.renamed.items()
                if old in gone and old not in moved and new not in taken
            }
        return moved

    async def _older(
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
            for path in {one.path for one in analysis.findings}
            if before.get(old_path.get(path, path)) not in {None, analysis.blobs.get(path)}
        }
        if not changed:
            return frozenset()
        earlier = replace(
            request, commit_sha=before_sha, tree=None, only=frozenset(changed.values())
        )
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            base = await self._commit_analysis.analyze(earlier, Path(name))
        mine = [one for one in analysis.findings if one.path in changed]
        new = {one.fingerprint for one in introduced(mine, base.findings, changed)}
        return frozenset(one.fingerprint for one in mine) - new


def same_blobs(
    before: Mapping[str, str], now: Mapping[str, str], gone: frozenset[str]
) -> dict[str, str]:
    """Return where vanished files went, told by their content; an equal name comes first."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(now.keys() - before.keys()):
        places[now[path]].append(path)
    moved: dict[str, str] = {}
    for old in sorted(gone):
        free = places.get(before.get(old, ""), [])
        if free:
            name = PurePosixPath(old).name
            new = next((path for path in free if PurePosixPath(path).name == name), free[0])
            free.remove(new)
            moved[old] = new
    return moved


def _unchanged(
    before: Mapping[str, str], moved: Mapping[str, str], now: Mapping[str, str]
) -> frozenset[str]:
    old_path = {new: old for old, new in moved.items()}
    return frozenset(
        path for path, sha in now.items() if before.get(old_path.get(path, path)) == sha
    )
