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
    """A few files, in memory."""

    def __init__(self, source: CodeSource) -> None:
        """Take where code comes from."""
        self._source = source

    async def run(
        self, repository: RepositoryRef, commit_sha: str, paths: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """Return the lines of those files that are there and are text."""
        tree = await self._source.tree(repository, commit_sha)
        wanted = set(paths)
        chosen = [
            file for file in tree.files if file.path in wanted and file.size <= _LIMITS.file_bytes
        ][: _LIMITS.files]
        if not chosen:
            return {}
        with tempfile.TemporaryDirectory(prefix="kova-") as name:
            folder = Path(name)
            missing = await self._source.download(repository, commit_sha, chosen, folder, _LIMITS)
            absent = {one.path for one in missing}
            texts = {
                file.path: decode((folder / file.path).read_bytes())
                for file in chosen
                if file.path not in absent
            }
        return {path: text.lines for path, text in texts.items() if text is not None}

    async def one(self, repository: RepositoryRef, ref: str, path: str) -> tuple[str, ...]:
        """Return the lines of one file.

        Raises:
            NotFoundError: there is no such text file.
        """
        commit_sha = await self._source.resolve(repository, ref)
        found = await self.run(repository, commit_sha, [path])
        if path not in found:
            raise NotFoundError("There is no such text file at this commit.")
        return found[path]
