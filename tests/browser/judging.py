"""What every page must be: accessible, small and whole; and its picture."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.browser.chromium import DESK, PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES: Final = {"wide": DESK, "phone": PHONE}
PICTURES: Final = "PICTURES"
"""Names a folder in the environment, where the pictures are to stay."""


def judge(page: Page, name: str, tmp_path: Path) -> None:
    """Check a page in all sizes and colours, and take its pictures."""
    assert page.evaluate("document.title").endswith("· Kova")
    size = len(page.evaluate("fetch(location.href).then(answer => answer.text())").encode())
    assert size < 100_000
    page.evaluate(_axe())
    problems = []
    for width, viewport in SIZES.items():
        page.set_viewport_size({"width": viewport[0], "height": viewport[1]})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            problems += [(width, scheme, problem) for problem in _violations(page, scheme)]
            folder = Path(os.environ.get(PICTURES) or tmp_path)
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
        across = page.evaluate("document.documentElement.scrollWidth")
        assert across <= viewport[0], f"{across} px on {viewport[0]}"
    assert problems == [], json.dumps(problems, indent=1)[:4_000]


@cache
def _axe() -> str:
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (script,) = Path(spec.submodule_search_locations[0]).rglob("axe.min.js")
    return script.read_text()


def _violations(page: Page, scheme: str) -> list[dict[str, Any]]:
    """Return what axe finds; in dark what colours can change, as the elements are the same."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":
        options["runOnly"] = ["color-contrast", "link-in-text-block"]
    result: list[dict[str, Any]] = page.evaluate(
        """async options => {
        const result = await axe.run(document, options);
        return result.violations.map(({id, help, nodes}) => ({
            id, help, nodes: nodes.slice(0, 4).map(node => node.html.slice(0, 200)),
            why: nodes.slice(0, 2).map(node => node.failureSummary),
        }));
    }""",
        options,
    )
    return result
