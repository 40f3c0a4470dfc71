"""Read some files of a commit as text."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kova.analysis.source_text import decode
from kova.shared.code_source import CodeSource, FetchLimits
from kova.shared.exceptions import NotFoundError
from kova.shared.repository import RepositoryRef

_LIMITS: Final = FetchLimits(files=50, file_bytes=1_000_000, total_bytes=5_000_000, seconds=15.0)


class ReadFiles:
    """Downloads a few files and returns their lines."""

    def __init__(self, source: CodeSource) -> None:
        self._source = source

    async def read(
        self, repository_ref: RepositoryRef, commit_sha: str, paths: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """Return the lines by path; paths without a text file are missing in the result."""
        tree = await self._source.tree(repository_ref, commit_sha)
        files = [
            file
            for file in tree.files
            if file.path in set(paths) and file.size <= _LIMITS.file_bytes
        ][: _LIMITS.files]
        if not files:
            return {}
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            folder = Path(name)
            missing = await self._source.download(
                repository_ref, commit_sha, files, folder, _LIMITS
            )
            missing_paths = {skipped.path for skipped in missing}
            texts = {
                file.path: decode((folder / file.path).read_bytes())
                for file in files
                if file.path not in missing_paths
            }
        return {path: text.lines for path, text in texts.items() if text is not None}

    async def read_one(self, repository_ref: RepositoryRef, ref: str, path: str) -> tuple[str, ...]:
        """Return the lines of one file.

        Raises:
            NotFoundError: there is no such text file.
        """
        commit_sha = await self._source.resolve(repository_ref, ref)
        lines_by_path = await self.read(repository_ref, commit_sha, [path])
        if path not in lines_by_path:
            raise NotFoundError("There is no such text file at this commit.")
        return lines_by_path[path]
