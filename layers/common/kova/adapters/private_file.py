"""Files that their owner alone can read, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_privately(file: Path, content: bytes) -> None:
    """Replace a file by one that its owner alone can read; it survives a crash of the machine."""
    temporary = file.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
