"""A person's day in a real browser, one step after the other, on the running product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import DESK
from tests.browser.conftest import Site
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

BAD = b"import re\n\n\ndef f(x):\n    return x is 'a' and re.match('\\d', x)\n"
NAME = "octo/journey"


@pytest.fixture
def page(site: Site) -> Page:
    return site.open("/")


def test_the_printed_link_signs_in_once_and_signing_out_ends_it(site: Site) -> None:
    context = site.browser.new_context(base_url=site.kova.address)
    page = context.new_page()
    site.listen(page)
    page.goto("/ui/errors")
    assert "/auth/sign-in?next=/ui/errors" in page.url
    link = site.link()
    page.goto(link)
    page.reload()  # Looking at it spends nothing.
    page.get_by_role("button", name="Sign in").click()
    assert page.locator("h1").inner_text() == "Overview"
    page.get_by_role("button", name="Sign out").click()
    page.goto("/")
    assert "/auth/sign-in" in page.url
    again = site.browser.new_context(java_script_enabled=False).new_page()
    answer = again.goto(link)
    assert answer is not None
    assert answer.status == 404
    assert again.get_by_text("kova sign-in").count() >= 1


def test_a_scan_arrives_while_the_list_is_open_and_its_fix_is_published(site: Site) -> None:
    site.kova.github.state.create_repository(
        NAME, files={"pkg/a.py": BAD, ".kova.toml": b'[fixes]\nauto = "suggest"\n'}
    )
    watching = site.open("/ui/scans")
    page = site.open("/ui/scans")
    page.locator("summary", has_text="Scan now").click()
    page.get_by_label("Repository").fill(NAME)
    page.get_by_role("button", name="Scan now").click()
    assert page.locator("h1").inner_text() == f"Scan of {NAME}"
    assert page.locator("progress").count() == 1
    watching.get_by_role("link", name=NAME).wait_for(timeout=10_000)
    site.kova.start_worker()
    page.locator(".state.succeeded").wait_for(timeout=60_000)
    watching.locator("li", has_text=NAME).locator(".state.succeeded").wait_for(timeout=10_000)
    page.get_by_role("link", name="Errors 2").click()
    page.locator("[data-row]", has_text="F632").locator("[data-open]").click()
    assert page.locator("tr.marked").count() >= 1
    assert page.get_by_text("The public interface is the same").count() == 1


def test_an_error_is_ignored_by_keys_alone(site: Site) -> None:
    page = site.open("/ui/errors?repository=acme/billing")
    before = page.locator("[data-row]").count()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("[data-row] input:checked").count() == 1
    assert page.locator("[data-count]").inner_text() == "1"
    page.keyboard.press("k")
    page.keyboard.press("x")
    page.get_by_label("Ignore the chosen errors because").fill("generated code")
    page.keyboard.press("Enter")
    page.get_by_text("Ignored. The reason is in the history").wait_for()
    assert page.locator("[data-row]").count() == before - 2
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "repository"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/errors/*")


def test_one_error_is_ignored_with_a_reason_and_opened_again(site: Site) -> None:
    page = site.open("/ui/errors?repository=acme/search-api")
    page.locator("[data-open]").first.click()
    page.get_by_text("Ignore …").click()
    page.get_by_label("Reason").fill("It is a test fixture.")
    page.get_by_role("button", name="Ignore this error").click()
    page.get_by_text("It is a test fixture.").wait_for()
    page.get_by_role("button", name="Open it again").click()
    page.get_by_text("Open again.").wait_for()


def test_a_proved_fix_is_published(site: Site) -> None:
    page = site.open("/ui/fixes?status=verified")
    page.locator("[data-open]").first.click()
    page.get_by_role("button", name="Publish the fix").click()
    page.get_by_text("The pull request is on its way").wait_for()


def test_a_published_fix_becomes_a_pull_request_that_its_page_links_to(site: Site) -> None:
    name = "octo/published"
    # This edit may change what the program does, and waits for a person.
    site.kova.github.state.create_repository(
        name, files={"a.py": b"def f(x, seen=[]):\n    return seen\n"}
    )
    page = site.open("/ui/scans")
    page.locator("summary", has_text="Scan now").click()
    page.get_by_label("Repository").fill(name)
    page.get_by_role("button", name="Scan now").click()
    if not site.kova.workers:
        site.kova.start_worker()
    page.locator(".state.succeeded").wait_for(timeout=60_000)
    page.get_by_role("link", name="Errors 1").click()
    page.locator("[data-row]", has_text="B006").locator("[data-open]").click()
    address = page.url
    assert site.kova.github.state.pulls(name) == []
    assert page.get_by_role("link", name="Open the pull request").count() == 0
    page.get_by_role("button", name="Publish the fix").click()
    page.get_by_text("The pull request is on its way").wait_for()
    (pull,) = eventually(
        lambda: site.kova.github.state.pulls(name),
        60,
        pause=0.1,
        otherwise=lambda: site.kova.logs()[-3_000:],
    )

    # The page follows by itself: nobody reloads it.
    link = page.get_by_role("link", name="Open the pull request")
    link.wait_for(timeout=30_000)
    assert link.get_attribute("href") == f"{site.kova.github.url}/{name}/pull/{pull['number']}"
    assert page.url.partition("?")[0] == address
    assert page.locator("progress").count() == 0
    assert page.locator(".state.published").count() >= 1


def test_filters_are_saved_under_a_name_and_deleted(site: Site) -> None:
    name = "<b>Billing</b> & co"
    page = site.open("/ui/errors?repository=acme/billing&status=any")
    page.get_by_text("Save these filters as a view").click()
    page.get_by_label("Name of the view").fill(name)
    page.get_by_role("button", name="Save the view").click()
    page.get_by_text("The view is saved").wait_for()
    page.goto("/ui/errors")
    page.get_by_role("link", name=name, exact=True).click()
    assert page.get_by_label("Repository").input_value() == "acme/billing"
    page.get_by_role("button", name=f"Delete the view {name}").click()
    page.get_by_text("The view is deleted").wait_for()
    assert page.get_by_role("link", name=name, exact=True).count() == 0


def test_a_question_is_answered(site: Site) -> None:
    page = site.open("/ui/ask")
    page.get_by_label("Question").fill("What does f do?")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".answer .state.ok").wait_for(timeout=20_000)
    assert "$" in page.locator(".answer .row-facts").inner_text()


def _status_of(site: Site, key: str) -> int:
    answer = site.kova.stranger.get(f"{site.kova.address}/api/errors", headers={"X-API-Key": key})
    return answer.status_code


def test_a_key_is_made_shown_once_and_revoked(site: Site) -> None:
    page = site.open("/ui/keys")
    page.get_by_text("Make a key").click()
    page.get_by_label("Name").fill("a build server")
    page.get_by_role("button", name="Make the key").click()
    key = page.locator("[data-plaintext]").inner_text()
    assert _status_of(site, key) == 200
    page.goto("/ui/keys")
    assert page.locator("[data-plaintext]").count() == 0
    page.get_by_role("button", name="Revoke a build server").click()
    page.get_by_text("The key is revoked").wait_for()
    assert _status_of(site, key) == 401


def test_times_are_in_the_reader_s_zone(site: Site) -> None:
    page = site.open("/ui/audit", size=DESK)
    tag = page.locator("time[data-exact]").first
    moment, text = tag.get_attribute("datetime"), tag.inner_text()
    local = page.evaluate(
        "moment => new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'short'})"
        ".format(new Date(moment))",
        moment,
    )
    assert text == local
    assert page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == "Asia/Tokyo"
