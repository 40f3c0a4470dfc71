"""Index the default branch's code after a scan: new blobs only, and what is gone is deleted."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from kova.analysis.source_text import decode
from kova.code_index.chunks import cut, is_indexed
from kova.code_index.ports import Chunk, CodeIndex, IndexedFile
from kova.models.redaction import redact
from kova.scans.scan import ScanTarget
from kova.shared.code_source import CodeSource, FetchLimits, TreeFile
from kova.shared.exceptions import KovaError
from kova.shared.repository import Repository

_LOG = logging.getLogger("kova.index")
_BATCH: Final = 200
_PATIENCE_SECONDS: Final = 90.0


class IndexRepository:
    """A help for questions about code; a scan never fails for it."""

    def __init__(self, index: CodeIndex, *, source: CodeSource, limits: FetchLimits) -> None:
        """Take the index, GitHub, and what a fetch may cost."""
        self._index = index
        self._source = source
        self._limits = limits

    async def index(
        self, repository: Repository, target: ScanTarget, folder: Path, files: Sequence[TreeFile]
    ) -> None:
        """Index a commit's files, when it is the default branch's.

        Args:
            repository: whose files they are.
            target: the scan; its commit is known.
            folder: where the scan left those files that it had to fetch.
            files: all that were scanned.
        """
        branch = repository.default_branch
        if target.pull_request is not None or target.ref not in {branch, f"refs/heads/{branch}"}:
            return
        assert target.commit_sha is not None
        files = [file for file in files if is_indexed(file.path)]
        known = [IndexedFile(path=file.path, blob_sha=file.sha) for file in files]
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                missing = await self._index.missing(repository.id, known)
                # A scan fetches what it did not know; the index may know less.
                absent = [
                    file
                    for file in files
                    if file.sha in missing and not (folder / file.path).is_file()
                ]
                await self._source.download(
                    repository.ref, target.commit_sha, absent, folder, self._limits
                )
                await fill(self._index, repository.id, folder, known)
        except (KovaError, TimeoutError) as exc:
            told = {"repository": repository.full_name, "error": type(exc).__name__}
            _LOG.warning("repository not indexed", extra=told)


async def fill(
    index: CodeIndex, repository_id: str, folder: Path, files: Sequence[IndexedFile]
) -> None:
    """Bring an index up to these files; those that it misses and that are not there wait.

    What was added stays when this ends early: the next scan goes on from there.
    """
    missing = await index.missing(repository_id, files)
    fresh = {file.blob_sha: file for file in files if file.blob_sha in missing}
    batch: list[Chunk] = []
    for file in fresh.values():
        batch += await asyncio.to_thread(chunks_of, folder, file)
        if len(batch) >= _BATCH:
            await index.add(repository_id, batch)
            batch = []
    await index.add(repository_id, batch)
    await index.keep(
        repository_id,
        [file for file in files if file.blob_sha not in missing or (folder / file.path).is_file()],
    )


def listed(folder: Path, paths: Iterable[str]) -> list[IndexedFile]:
    """Return files below a folder with git's ids of their content."""
    return [
        IndexedFile(path=path, blob_sha=blob_sha((folder / path).read_bytes()))
        for path in sorted(paths)
    ]


def blob_sha(content: bytes) -> str:
    """Return git's id of a file's content."""
    head = f"blob {len(content)}\0".encode()
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def chunks_of(folder: Path, file: IndexedFile) -> list[Chunk]:
    """Cut one file; secrets do not enter the index."""
    place = folder / file.path
    source = decode(place.read_bytes()) if place.is_file() else None
    if source is None:
        return []
    lines = redact("\n".join(source.lines)).split("\n")
    return [
        Chunk(
            blob_sha=file.blob_sha,
            path=file.path,
            name=one.name,
            start_line=one.start_line,
            text="\n".join(one.lines),
        )
        for one in cut(file.path, lines)
    ]
