"""Every page, light and dark, on a phone and on a desk: accessible, small, whole; and its picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import Site
from tests.browser.judging import judge
from tests.browser.places import NAMES, places


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_accessible_small_and_whole(site: Site, tmp_path: Path, name: str) -> None:
    path = places(site.kova)[name]
    judge(site.open(path, status=404 if name == "nowhere" else 200), name, tmp_path)


def test_the_pages_of_signing_in_are_accessible_small_and_whole(site: Site, tmp_path: Path) -> None:
    page = site.open("/auth/sign-in", signed_in=False)
    assert page.get_by_text("kova sign-in").count() == 1
    judge(page, "sign-in-none", tmp_path)
    page = site.open(site.link(), signed_in=False)
    assert page.get_by_role("button", name="Sign in").count() == 1
    judge(page, "sign-in-link", tmp_path)
    page = site.open("/auth/link?token=wrong", status=404, signed_in=False)
    assert page.get_by_role("alert").count() == 1
    judge(page, "sign-in-refused", tmp_path)
    page = site.open(f"{site.with_accounts}/auth/sign-in?next=/ui/fixes", signed_in=False)
    ways = page.locator("main a").all_inner_texts()
    assert ways == ["Sign in with Google", "Sign in with GitHub"]
    judge(page, "sign-in", tmp_path)


def test_a_session_elsewhere_is_ended(site: Site) -> None:
    elsewhere = site.browser.new_context(base_url=site.kova.address).new_page()
    site.sign_in(elsewhere)
    page = site.open("/auth/sessions")
    count = page.get_by_role("button", name="Sign out there").count()
    others = page.locator("li.row", has_not_text="this browser")
    others.first.get_by_role("button", name="Sign out there").click()
    page.get_by_text("Signed out there.").wait_for()
    assert page.get_by_role("button", name="Sign out there").count() == count - 1


def test_the_pages_work_without_scripts(site: Site) -> None:
    page = site.open("/ui/errors", scripts=False)
    assert page.locator("[data-row]").count() > 10
    page.locator("[name=id]").first.check()
    page.get_by_label("Ignore the chosen errors because").fill("without a script")
    page.get_by_role("button", name="Ignore").click()
    page.get_by_text("Ignored. The reason is in the history").wait_for()
