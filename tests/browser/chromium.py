"""Debian's Chromium, driven by Playwright; both are there after `make test` and .ci/run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# An environment of its own, because the driver is large: requirements/browser.in.
_FOLDERS: Final = sorted(Path(".venv/browser/lib").glob("python3.*/site-packages"))
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE: Final = (390, 844)
DESK: Final = (1440, 900)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser without a window; the test is skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium: .ci/run installs it")
    if not _FOLDERS:
        pytest.skip("no Playwright: `make test` without T= sets it up")
    if str(_FOLDERS[0]) not in sys.path:
        sys.path.append(str(_FOLDERS[0]))
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
