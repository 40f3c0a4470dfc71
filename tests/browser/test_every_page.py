"""Every page, light and dark, on a phone and on a desk: accessible, small, whole; and its picture."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import Site
from tests.browser.places import NAMES, places

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES: Final = {"wide": DESK, "phone": PHONE}
PICTURES: Final = "PICTURES"
"""Names a folder in the environment, where the pictures are to stay."""


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_accessible_small_and_whole(site: Site, tmp_path: Path, name: str) -> None:
    path = places(site.kova)[name]
    judge(site.open(path, status=404 if name == "nowhere" else 200), name, tmp_path)


def test_the_pages_of_signing_in_are_accessible_small_and_whole(site: Site, tmp_path: Path) -> None:
    page = site.open("/auth/sign-in", signed_in=False)
    assert page.get_by_text("kova sign-in").count() == 1
    judge(page, "sign-in-none", tmp_path)
    page = site.open("/auth/link?token=wrong", status=404, signed_in=False)
    assert page.get_by_role("alert").count() == 1
    judge(page, "sign-in-refused", tmp_path)
    page = site.open(f"{site.with_accounts}/auth/sign-in?next=/ui/fixes", signed_in=False)
    ways = page.locator("main a").all_inner_texts()
    assert ways == ["Sign in with Google", "Sign in with GitHub"]
    judge(page, "sign-in", tmp_path)


def test_a_session_elsewhere_is_ended(site: Site) -> None:
    elsewhere = site.browser.new_context(base_url=site.kova.address).new_page()
    elsewhere.goto(site.link())
    page = site.open("/auth/sessions")
    count = page.get_by_role("button", name="Sign out there").count()
    others = page.locator("li.row", has_not_text="this browser")
    others.first.get_by_role("button", name="Sign out there").click()
    page.get_by_text("Signed out there.").wait_for()
    assert page.get_by_role("button", name="Sign out there").count() == count - 1


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


def test_the_pages_work_without_scripts(site: Site) -> None:
    page = site.open("/ui/errors", scripts=False)
    assert page.locator("[data-row]").count() > 10
    page.locator("[name=id]").first.check()
    page.get_by_label("Ignore the chosen errors because").fill("without a script")
    page.get_by_role("button", name="Ignore").click()
    assert page.get_by_text("Ignored. The reason is in the history").count() == 1


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
