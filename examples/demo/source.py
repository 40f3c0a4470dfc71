"""The repository of the demo: a source distribution that pip downloads."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from kova.shared.exceptions import KovaError

# An old release of a well-known package, with real errors in it.
PACKAGE: Final = "tornado==4.5.3"
_TIMEOUT_SECONDS: Final = 180


class DemoError(KovaError):
    """The demo cannot continue."""

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
        pip = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise DemoError(
            f"pip did not download {package} in {_TIMEOUT_SECONDS} s: name a folder with REPO=path."
        ) from exc
    archives = sorted(cache.glob(f"{name}*.tar.gz"))
    if not archives:
        raise DemoError(
            f"pip could not download {package} (or name a folder with REPO=path): "
            f"{pip.stderr.strip()[-300:]}"
        )
    _unpack(archives[0], cache / "unpacked")
    (cache / "unpacked" / name).rename(folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Write the regular files. Not extractall: its filters are not in every Python 3.11."""
    with tarfile.open(archive) as tar:
        for member in tar:
            target = folder / member.name
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or not target.resolve().is_relative_to(folder.resolve()):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())
