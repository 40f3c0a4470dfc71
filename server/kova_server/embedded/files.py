"""Small files of a data folder: written whole or not at all, and read whatever they hold."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kova.adapters.private_file import write_privately

Announce = Callable[[str], None]
_FOLDERS: Final = ("functions", "github", "logs", "run", "sqs", "valkey")
_KEY: Final = re.compile(r"[\x21-\x7e]+")


def close_folders(folder: Path) -> None:
    """Close what an earlier release left open for others to read: queues, logs, repositories."""
    for name in _FOLDERS:
        if (folder / name).is_dir():
            (folder / name).chmod(0o700)


def remembered_secret(file: Path, announce: Announce) -> str:
    """Return the secret in a file; make one where the file is missing or holds none."""
    try:
        secret = file.read_bytes().strip().decode("latin-1")
    except FileNotFoundError:
        secret = None
    if secret is not None and _KEY.fullmatch(secret):
        return secret
    if secret is not None:
        announce(f"{file} held no key: a new one was made")
    secret = secrets.token_hex(24)
    write_privately(file, secret.encode())
    return secret
