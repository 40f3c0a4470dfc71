"""One download: the wanted files of a commit, by blobs when few, by the tarball when many."""

from __future__ import annotations

import asyncio
import base64
import binascii
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Final

from kova.adapters.github import shapes
from kova.adapters.github.archive import Unpacked, Unpacker
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.files import write_file
from kova.adapters.github.paths import unsafe_reason
from kova.adapters.github.select import select
from kova.shared.code_source import FetchLimits, TreeFile
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    RepositoryNotFoundError,
)
from kova.shared.repository import RepositoryRef
from kova.shared.skipped import Skipped
from kova.shared.text import clean

CONCURRENCY: Final = 8
# Files that an archive leaves out or alters (.gitattributes) are few; a repository that marks
# everything so does not get as many calls as it has files.
BLOBS_AFTER_ARCHIVE: Final = 200
# An archive holds the whole repository, also what nobody wants.
ARCHIVE_FACTOR: Final = 4
_SPOOL: Final = 8_000_000


class Download:
    """Fetches once, below one folder."""

    def __init__(
        self,
        client: GitHubClient,
        repository: RepositoryRef,
        commit_sha: str,
        *,
        folder: Path,
        limits: FetchLimits,
        clock: Callable[[], float],
    ) -> None:
        """Start the clock."""
        self._client = client
        self._repository = repository
        self._commit_sha = commit_sha
        self._folder = folder
        self._limits = limits
        self._clock = clock
        self._deadline = clock() + limits.seconds
        self._missing: dict[str, str] = {}

    async def run(self, files: Sequence[TreeFile]) -> tuple[Skipped, ...]:
        """Write the files; return those that are not there, with the reasons."""
        selected, left_out = select(files, self._limits)
        files_by_path = {file.path: file for file in selected if unsafe_reason(file.path) is None}
        for file in selected:
            if file.path not in files_by_path:
                self._missing[file.path] = unsafe_reason(file.path) or "unsafe_path"
        # Whatever has not arrived when the time is up has this reason.
        self._missing |= dict.fromkeys(files_by_path, "time_limit")
        try:
            if len(files_by_path) <= self._limits.blobs_instead_of_tarball:
                await self._download_blobs(files_by_path.values())
            else:
                await self._download_archive(files_by_path)
        except TimeoutError:
            pass  # said in the answer, file by file
        return (
            *left_out,
            *(Skipped(path=clean(path), reason=why) for path, why in self._missing.items()),
        )

    async def _download_archive(self, files_by_path: dict[str, TreeFile]) -> None:
        # In the private folder, not in the system's: it may be the only disk that is large enough.
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL, dir=str(self._folder)) as archive:
            result = await self._unpack(files_by_path, archive)
        for path in result.written:
            self._missing.pop(path, None)
        for path in result.failed:
            self._missing[path] = "fetch_failed"
        if result.stopped == "time_limit":
            return
        rest = [
            file
            for path, file in files_by_path.items()
            if path not in result.written | result.failed
        ]
        absent = (
            "total_size_limit" if result.stopped == "total_size_limit" else "missing_in_archive"
        )
        for file in rest:
            altered = file.path in result.changed
            self._missing[file.path] = "changed_in_archive" if altered else absent
        if result.stopped == "broken" and len(rest) > BLOBS_AFTER_ARCHIVE:
            raise GitHubUnavailableError("GitHub's archive is broken.")
        await self._download_blobs(rest[:BLOBS_AFTER_ARCHIVE])

    async def _unpack(self, files_by_path: dict[str, TreeFile], archive: IO[bytes]) -> Unpacked:
        total = ARCHIVE_FACTOR * self._limits.total_bytes
        stop = threading.Event()
        try:
            async with self._until_deadline():
                await self._client.file(
                    self._repository,
                    f"/tarball/{self._commit_sha}",
                    archive,
                    limit=self._limits.total_bytes,
                )
            archive.seek(0)
            unpacker = Unpacker(
                folder=self._folder,
                files=files_by_path,
                total_bytes=total,
                deadline=self._deadline,
                stop=stop,
                clock=self._clock,
            )
            return await asyncio.to_thread(unpacker.run, archive)
        except GitHubRefusedError as exc:
            if exc.data.get("refusal") != "too_large":
                raise
            return Unpacked(stopped="total_size_limit")
        finally:
            stop.set()  # a thread cannot be cancelled; it stops at its next read

    def _until_deadline(self) -> asyncio.Timeout:
        # Not around the thread: it keeps the time itself, and tells what it wrote until then.
        return asyncio.timeout(max(self._deadline - self._clock(), 0.0))

    async def _download_blobs(self, files: Iterable[TreeFile]) -> None:
        waiting = iter(files)

        async def work() -> None:
            for file in waiting:
                await self._download_blob(file)

        try:
            async with self._until_deadline(), asyncio.TaskGroup() as group:
                for _ in range(CONCURRENCY):
                    group.create_task(work())
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _download_blob(self, file: TreeFile) -> None:
        before = self._missing.get(file.path)
        try:
            blob = await self._client.get(
                self._repository,
                f"/git/blobs/{file.sha}",
                limit=2 * file.size + 10_000,  # base64 with line ends, and the other members
            )
            content = blob_content(blob)
            good = await asyncio.to_thread(write_file, self._folder, file, [content])
        except (GitHubRefusedError, RepositoryNotFoundError, OSError):
            good = False
        if good:
            self._missing.pop(file.path, None)
        elif before in {None, "time_limit", "total_size_limit"}:
            self._missing[file.path] = "fetch_failed"


def blob_content(blob: shapes.Json) -> bytes:
    """Return the content of GitHub's blob.

    Raises:
        GitHubUnavailableError: it is not one.
    """
    content = blob.get("content")
    if not isinstance(content, str) or blob.get("encoding") != "base64":
        raise GitHubUnavailableError("GitHub's blob is not in base64.")
    try:
        return base64.b64decode(content)
    except (binascii.Error, ValueError) as exc:
        raise GitHubUnavailableError("GitHub's blob is not in base64.") from exc
