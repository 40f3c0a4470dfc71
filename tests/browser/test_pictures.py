"""Every page as a picture: test output, and what a person looks at before a change is shown."""

from __future__ import annotations

import os
from pathlib import Path

from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import Site
from tests.browser.places import places


def test_every_page_has_a_picture(site: Site, tmp_path: Path) -> None:
    folder = Path(os.environ.get("KOVA_PICTURES") or tmp_path)
    for name, path in places(site.kova).items():
        for size, width in ((DESK, "wide"), (PHONE, "phone")):
            for dark in (False, True):
                page = site.open(path, size=size, dark=dark)
                page.screenshot(
                    path=folder / f"{name}-{width}-{'dark' if dark else 'light'}.png",
                    full_page=True,
                )
                page.context.close()
