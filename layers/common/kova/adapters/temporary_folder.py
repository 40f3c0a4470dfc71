"""The temporary folder of a worker: code of repositories that a killed one left is removed."""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

_PREFIX: Final = "kova-work-"
_LOCK: Final = ".lock"
_LOG = logging.getLogger("kova.worker")


@cache
def claim_temporary_folder() -> None:
    """Make the temporary folder of this process, and remove those of processes that died.

    A process holds the lock of its folder for as long as it lives, however it dies. Lambda, too,
    keeps the temporary folder when it starts a function again that ran out of time:
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    root = Path(tempfile.gettempdir())
    for folder in root.glob(f"{_PREFIX}*"):
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            _LOG.info("removed what a killed worker left", extra={"folder": folder.name})
    new_folder = Path(tempfile.mkdtemp(prefix="kova-new-"))
    _locked(new_folder)
    # Under its name it is locked already: no other process sees it as abandoned.
    folder = new_folder.rename(root / new_folder.name.replace("kova-new-", _PREFIX))
    tempfile.tempdir = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    """Tell whether a folder belonged to a worker that has died."""
    if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != os.getuid():
        return False
    try:
        os.close(_locked(folder))
    except OSError:
        return False
    return True


def _locked(folder: Path) -> int:
    """Lock a folder and return the descriptor that holds the lock.

    Raises:
        OSError: another process has it, or the folder is just being removed.
    """
    descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
