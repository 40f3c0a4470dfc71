"""Unpacking GitHub's tarball: untrusted input, so every quantity has a bound.

Nothing is extracted by tarfile, whose filters can be escaped in Python 3.11.7: it only reads
headers, and the wanted regular files are written by `files.write_file`.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from kova.adapters.github.files import write_file
from kova.shared.code_source import TreeFile

CHUNK: Final = 1 << 16
# What tarfile may read between two members: padding, long names, extended headers. It holds these
# in memory whole, at the size that the archive declares.
HEADER_BYTES: Final = 1 << 18
MEMBERS: Final = 2_000_000

# tarfile calls itself for each header that describes the next one, and counts in blocks that may
# be cut: what it raises for garbage depends on where it is.
_BROKEN: Final = (
    EOFError, OSError, zlib.error, tarfile.TarError, ValueError, OverflowError, LookupError,
    RecursionError,
)  # fmt: skip


@dataclass(kw_only=True)
class Unpacked:
    """What became of an archive.

    `stopped` says why it was not read to its end: None, `total_size_limit`, `time_limit` or
    `broken` (also a wrong checksum). Files written before are whole: each was checked by itself.
    """

    written: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    stopped: str | None = None


class _StoppedError(Exception):
    """A bound was reached; the argument is the reason."""


class _BoundedReader(io.RawIOBase):
    """Reads the unpacked stream, as much as was allowed and while there is time."""

    def __init__(
        self, stream: io.BufferedIOBase, *, total: int, out_of_time: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._stream = stream
        self._left = total
        self._allowed = 0
        self._out_of_time = out_of_time

    def allow(self, size: int) -> None:
        """Allow that many more bytes, instead of what was left before."""
        # tarfile reads ahead by one of its buffers.
        self._allowed = size + tarfile.RECORDSIZE

    def read(self, size: int = CHUNK, /) -> bytes:
        if self._out_of_time():
            raise _StoppedError("time_limit")
        block = self._stream.read(min(size, CHUNK))
        self._left -= len(block)
        self._allowed -= len(block)
        if self._left < 0:
            raise _StoppedError("total_size_limit")
        if self._allowed < 0:
            raise _StoppedError("broken")
        return block


class Unpacker:
    """Extracts the requested files from one archive. Blocking: for a worker thread."""

    def __init__(
        self,
        *,
        folder: Path,
        files: Mapping[str, TreeFile],
        total_bytes: int,
        deadline: float,
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the bounds of one extraction.

        Args:
            folder: private; the files go below it.
            files: by path in the repository, each path known to be safe.
            total_bytes: the most that the archive may unpack to, requested or not.
            deadline: on `clock`.
            stop: set from outside when nobody waits for the result any more.
            clock: in seconds.
        """
        self._folder = folder
        self._files = files
        self._total = total_bytes
        self._out_of_time = lambda: stop.is_set() or clock() >= deadline
        self._result = Unpacked()

    def run(self, archive: IO[bytes]) -> Unpacked:
        """Read the whole gzip-compressed archive, to its end so that its checksum is checked."""
        try:
            with gzip.GzipFile(fileobj=archive, mode="rb") as stream:
                reader = _BoundedReader(stream, total=self._total, out_of_time=self._out_of_time)
                self._read_members(reader)
                reader.allow(self._total)
                while reader.read(CHUNK):
                    pass
        except _StoppedError as exc:
            self._result.stopped = str(exc)
        except _BROKEN:
            self._result.stopped = "broken"
        return self._result

    def _read_members(self, reader: _BoundedReader) -> None:
        declared = 0
        reader.allow(HEADER_BYTES)
        # "r|" never seeks: what is read once is gone, so nothing can point back.
        with tarfile.open(fileobj=reader, mode="r|") as opened:
            tar: Any = opened  # The stubs leave its `members` out.
            for _ in range(MEMBERS):
                reader.allow(HEADER_BYTES)
                member: tarfile.TarInfo | None = tar.next()
                if member is None:
                    return
                tar.members.clear()  # tarfile keeps every member it has seen,
                tar.pax_headers.clear()  # and every global header.
                if not member.isreg() or member.issparse():
                    continue
                declared += member.size
                if declared > self._total:
                    raise _StoppedError("total_size_limit")
                reader.allow(member.size + HEADER_BYTES)
                self._extract(tar, member)
        raise _StoppedError("broken")

    def _extract(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        content = tar.extractfile(member)
        if content is None:
            return
        chunks = _chunks(content)
        # The first component is GitHub's own: owner-name-commit.
        path = member.name.partition("/")[2]
        file = self._files.get(path)
        is_repeated = path in self._result.written or path in self._result.changed
        if file is not None and not is_repeated:
            self._write(file, member.size, chunks)
        for _ in chunks:  # what is left: the next header must be the next thing to read
            pass

    def _write(self, file: TreeFile, size: int, chunks: Iterator[bytes]) -> None:
        if size != file.size:
            self._result.changed.add(file.path)
            return
        try:
            good = write_file(self._folder, file, chunks)
        except OSError:
            self._result.failed.add(file.path)
            return
        (self._result.written if good else self._result.changed).add(file.path)


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    while chunk := content.read(CHUNK):
        yield chunk
