"""Index the default branch's code after a scan: add new blobs and delete those that are gone."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from kova.analysis.source_text import decode
from kova.code_index.chunks import cut_file, is_indexed
from kova.code_index.ports import Chunk, CodeIndex, IndexedFile
from kova.models.redaction import redact
from kova.scans.scan import ScanTarget
from kova.shared.code_source import CodeSource, FetchLimits, TreeFile
from kova.shared.exceptions import KovaError
from kova.shared.repository import Repository

_LOG = logging.getLogger("kova.index")
_BATCH: Final = 200
_TIMEOUT_SECONDS: Final = 90.0


class IndexRepository:
    """Keeps the code index up to date. A failure is logged and does not fail the scan."""

    def __init__(self, index: CodeIndex, *, source: CodeSource, limits: FetchLimits) -> None:
        self._index = index
        self._source = source
        self._limits = limits

    async def index(
        self, repository: Repository, target: ScanTarget, folder: Path, files: Sequence[TreeFile]
    ) -> None:
        """Index the files of a commit of the default branch; other commits are ignored.

        Args:
            repository: the repository of the files.
            target: the scan; its commit is resolved.
            folder: holds the files that the scan had to fetch.
            files: all files that were scanned.
        """
        branch = repository.default_branch
        if target.is_proposal or target.ref not in {branch, f"refs/heads/{branch}"}:
            return
        assert target.commit_sha is not None
        files = [file for file in files if is_indexed(file.path)]
        indexed_files = [IndexedFile(path=file.path, blob_sha=file.sha) for file in files]
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                missing = await self._index.missing(repository.id, indexed_files)
                # The scan fetched only files that were new to it; the index may miss more.
                absent = [
                    file
                    for file in files
                    if file.sha in missing and not (folder / file.path).is_file()
                ]
                await self._source.download(
                    repository.ref, target.commit_sha, absent, folder, self._limits
                )
                await fill(self._index, repository.id, folder, indexed_files)
        except (KovaError, TimeoutError) as exc:
            log_context = {"repository": repository.full_name, "error": type(exc).__name__}
            _LOG.warning("repository not indexed", extra=log_context)


async def fill(
    index: CodeIndex, repository_id: str, folder: Path, files: Sequence[IndexedFile]
) -> None:
    """Add the chunks of new files and delete those of other files.

    Files that are missing in the folder are left to a later scan. Chunks stay when this ends early:
    the next scan goes on from there.
    """
    missing = await index.missing(repository_id, files)
    missing_files = {file.blob_sha: file for file in files if file.blob_sha in missing}
    batch: list[Chunk] = []
    for file in missing_files.values():
        batch += await asyncio.to_thread(chunks_of, folder, file)
        if len(batch) >= _BATCH:
            await index.add(repository_id, batch)
            batch = []
    await index.add(repository_id, batch)
    await index.keep(
        repository_id,
        [file for file in files if file.blob_sha not in missing or (folder / file.path).is_file()],
    )


def list_files(folder: Path, paths: Iterable[str]) -> list[IndexedFile]:
    """Return files of a folder with the blob ids that git would give them."""
    return [
        IndexedFile(path=path, blob_sha=blob_sha((folder / path).read_bytes()))
        for path in sorted(paths)
    ]


def blob_sha(content: bytes) -> str:
    """Return the blob id that git gives a content."""
    head = f"blob {len(content)}\0".encode()
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def chunks_of(folder: Path, file: IndexedFile) -> list[Chunk]:
    """Return the chunks of one file, with secrets redacted; none if it is no text file."""
    place = folder / file.path
    source = decode(place.read_bytes()) if place.is_file() else None
    if source is None:
        return []
    lines = redact("\n".join(source.lines)).split("\n")
    return [
        Chunk(
            blob_sha=file.blob_sha,
            path=file.path,
            name=stretch.name,
            start_line=stretch.start_line,
            text="\n".join(stretch.lines),
        )
        for stretch in cut_file(file.path, lines)
    ]
