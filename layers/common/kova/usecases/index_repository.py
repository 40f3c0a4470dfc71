"""Index the default branch's code after a scan: new blobs only, and what is gone is deleted."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from kova.domain.chunks import cut
from kova.domain.errors import KovaError
from kova.domain.redaction import redact
from kova.domain.repository import Repository
from kova.domain.scan import ScanTarget
from kova.domain.source_text import decode
from kova.ports.index import Chunk, CodeIndex, IndexedFile

_LOG = logging.getLogger("kova.index")
_BATCH: Final = 200
_PATIENCE_SECONDS: Final = 90.0


class IndexRepository:
    """A help for questions about code; a scan never fails for it."""

    def __init__(self, index: CodeIndex) -> None:
        """Take the index."""
        self._index = index

    async def run(
        self, repository: Repository, target: ScanTarget, folder: Path, paths: Iterable[str]
    ) -> None:
        """Index the files below a folder, when they are those of the default branch."""
        branch = repository.default_branch
        if target.pull_request is not None or target.ref not in {branch, f"refs/heads/{branch}"}:
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.files(repository.id, folder, sorted(paths))
        except (KovaError, TimeoutError) as exc:
            told = {"repository": repository.full_name, "error": type(exc).__name__}
            _LOG.warning("repository not indexed", extra=told)

    async def files(self, repository_id: str, folder: Path, paths: Sequence[str]) -> None:
        """Bring the index up to these files.

        What was added stays when this ends early: the next scan goes on from there.
        """
        files = await asyncio.to_thread(_listed, folder, paths)
        missing = await self._index.missing(repository_id, files)
        fresh = {file.blob_sha: file for file in files if file.blob_sha in missing}
        batch: list[Chunk] = []
        for file in fresh.values():
            batch += await asyncio.to_thread(chunks_of, folder, file)
            if len(batch) >= _BATCH:
                await self._index.add(repository_id, batch)
                batch = []
        await self._index.add(repository_id, batch)
        await self._index.keep(repository_id, files)


def _listed(folder: Path, paths: Sequence[str]) -> list[IndexedFile]:
    return [
        IndexedFile(path=path, blob_sha=blob_sha((folder / path).read_bytes())) for path in paths
    ]


def blob_sha(content: bytes) -> str:
    """Return git's id of a file's content."""
    head = f"blob {len(content)}\0".encode()
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def chunks_of(folder: Path, file: IndexedFile) -> list[Chunk]:
    """Cut one file; secrets do not enter the index."""
    source = decode((folder / file.path).read_bytes())
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
