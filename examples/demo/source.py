"""The repository of the demo: a source distribution taken through pip, or a folder of yours."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

# An old release of a well-known package, with real errors in it.
PACKAGE: Final = "tornado==4.5.3"
_PATIENCE: Final = 180


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def source_distribution(cache: Path, package: str = PACKAGE) -> Path:
    """Return the folder of an unpacked package (`name==version`), downloaded once."""
    cache.mkdir(parents=True, exist_ok=True)
    name = package.replace("==", "-")
    folder = cache / name
    if folder.is_dir():
        return folder
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += [
        "--disable-pip-version-check",
        "--no-binary",
        ":all:",
        "--dest",
        str(cache),
        package,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    archives = sorted(cache.glob(f"{name}*.tar.gz"))
    if not archives:
        raise DemoError(
            f"pip could not download {package}: {done.stderr.strip()[-300:]}\n"
            "Give a folder instead: make demo REPO=path"
        )
    unpacked = cache / "unpacked"
    with tarfile.open(archives[0]) as archive:
        archive.extractall(unpacked, filter="data")
    (unpacked / name).rename(folder)
    return folder
