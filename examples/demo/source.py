"""The repository of the demo: a source distribution taken through pip, or a folder of yours."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from kova.shared.exceptions import KovaError

# An old release of a well-known package, with real errors in it.
PACKAGE: Final = "tornado==4.5.3"
_PATIENCE: Final = 180


class DemoError(KovaError):
    """The demo cannot go on."""

    reason = "demo"


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
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise DemoError(
            f"pip did not download {package} in {_PATIENCE} s. Give a folder: make demo REPO=path"
        ) from exc
    archives = sorted(cache.glob(f"{name}*.tar.gz"))
    if not archives:
        raise DemoError(
            f"pip could not download {package} (give a folder instead: make demo REPO=path): "
            f"{done.stderr.strip()[-300:]}"
        )
    _unpack(archives[0], cache / "unpacked")
    (cache / "unpacked" / name).rename(folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Write the regular files. Not extractall: its filters are not in every Python 3.11."""
    with tarfile.open(archive) as opened:
        for member in opened:
            target = folder / member.name
            content = opened.extractfile(member) if member.isreg() else None
            if content is None or not target.resolve().is_relative_to(folder.resolve()):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())
