"""Writing the files of a repository below a private folder, each checked by its blob id."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from kova.shared.code_source import TreeFile

_SHA256_DIGITS: Final = 64


def write_file(folder: Path, file: TreeFile, chunks: Iterable[bytes]) -> bool:
    """Write a new file; return False, leaving nothing, if the content is not the blob's.

    Nothing that exists is opened or followed. The path was checked by the caller
    (`paths.unsafe_reason`).

    Raises:
        OSError: the file cannot be written.
    """
    target = folder / file.path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(target, flags, 0o600)
    good = False
    try:
        with os.fdopen(descriptor, "wb") as out:
            good = _copy(file, chunks, out.write)
    finally:
        if not good:
            target.unlink(missing_ok=True)
    return good


def _copy(file: TreeFile, chunks: Iterable[bytes], write: Callable[[bytes], object]) -> bool:
    # An object id, not a seal: whoever can forge SHA-1 blobs can also push.
    digest = (
        hashlib.sha256() if len(file.sha) == _SHA256_DIGITS else hashlib.sha1(usedforsecurity=False)
    )
    digest.update(b"blob %d\0" % file.size)
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > file.size:
            return False
        digest.update(chunk)
        write(chunk)
    return size == file.size and digest.hexdigest() == file.sha
