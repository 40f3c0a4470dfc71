"""The link that `kova up` and `kova sign-in` print: looking at it spends nothing, its button does."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from kova.web.dashboard.assets import asset_address
from kova_fakes.forms import form_of
from tests.people.conftest import Pages, about, press_button
from tests.people.test_sessions import HOSTILE


def test_looking_at_the_link_spends_nothing_and_its_button_signs_in(kova: Pages) -> None:
    """A chat's preview and a browser's prefetch open it before its reader does."""
    link, person = kova.link(), kova.browser()
    for headers in ({}, {"sec-purpose": "prefetch"}, {"user-agent": "Slackbot-LinkExpanding 1.0"}):
        seen = httpx.get(link, headers=headers)
        assert (seen.status_code, seen.headers.get("set-cookie")) == (200, None)
    assert httpx.head(link).headers.get("set-cookie") is None
    answer = kova.open_link(person, link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert about(person)["actor"] == "local:owner"


def test_the_page_of_the_link_says_who_one_becomes_and_works_without_scripts(kova: Pages) -> None:
    page = kova.browser().client.get(kova.link())
    assert "<h1>Sign in to Kova</h1>" in page.text
    for words in ("Owner", "admin", "all repositories", "works once"):
        assert words in page.text
    assert f'href="{asset_address("kova.css")}"' in page.text
    form = form_of(page)
    assert form.address == f"{kova.address}/auth/link"
    assert set(form.fields) == {"token", "next"}
    assert "<button" in page.text


def test_the_page_of_the_link_gives_the_token_to_nobody_else(kova: Pages) -> None:
    link = kova.link()
    page = kova.browser().client.get(link)
    # Of this address other sites, and the files that the page loads, see the host alone.
    assert page.headers["referrer-policy"] == "strict-origin"
    assert page.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    token = link.partition("token=")[2]
    assert page.text.count(token) == 1  # In the form's field, and in no address.
    assert token not in str(page.headers)


def test_the_link_works_once(kova: Pages) -> None:
    link = kova.link()
    first, second = kova.browser(), kova.browser()
    page = second.client.get(link)
    assert kova.open_link(first, link).status_code == 303
    for again in (press_button(second, page), second.client.get(link)):
        assert again.status_code == 404
        assert "kova sign-in" in again.text
        assert again.headers["cache-control"] == "no-store"
        assert "set-cookie" not in again.headers
    assert about(first)
    assert about(second) == {}


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5_000, "%ff%00", "%F0%9F%98%80"])
def test_another_token_is_refused(kova: Pages, token: str) -> None:
    person = kova.browser()
    seen = person.get(f"/auth/link?token={token}")
    sent = person.client.post(
        f"{kova.address}/auth/link",
        content=f"token={token}",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    for answer in (seen, sent):
        assert answer.status_code == 404
        assert "kova sign-in" in answer.text
    assert not person.client.cookies


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_guessing_is_limited_by_address(kova: Pages, method: str) -> None:
    person, link = kova.browser(), kova.link()

    def guess(number: int) -> int:
        address = f"{kova.address}/auth/link"
        if method == "GET":
            return person.client.get(f"{address}?token={number}").status_code
        return person.client.post(address, data={"token": str(number)}).status_code

    codes = [guess(number) for number in range(32)]
    assert codes == [404] * 30 + [429] * 2
    refused = person.client.get(link)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_of_another_site_spends_nothing(kova: Pages, headers: dict[str, str]) -> None:
    """It would sign its reader in as somebody else."""
    person, link = kova.browser(), kova.link()
    page = person.client.get(link)
    answer = press_button(person, page, **headers)
    assert answer.status_code == 403
    assert about(person) == {}
    assert press_button(person, page).status_code == 303


def test_the_token_counts_in_the_form_alone(kova: Pages) -> None:
    link, person = kova.link(), kova.browser()
    assert person.client.post(link).status_code == 404
    assert kova.open_link(person, link).status_code == 303


@pytest.mark.parametrize("text", HOSTILE)
def test_the_link_leads_to_our_own_pages_only(kova: Pages, text: str) -> None:
    encoded = quote(text.encode("utf-8", "surrogatepass"), safe="")
    answer = kova.open_link(kova.browser(), f"{kova.link()}&next={encoded}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    token = kova.link().partition("token=")[2]
    direct = kova.browser().client.post(
        f"{kova.address}/auth/link", data={"token": token, "next": text}
    )
    assert (direct.status_code, direct.headers["location"]) == (303, "/")


def test_the_link_leads_to_a_page_of_our_own(kova: Pages) -> None:
    answer = kova.open_link(kova.browser(), f"{kova.link()}&next=/ui/me%3Fa%3D1")
    assert answer.headers["location"] == "/ui/me?a=1"


def test_a_session_that_is_there_stays_until_the_button_is_pressed(kova: Pages) -> None:
    person = kova.owner()
    earlier, first = person.client.cookies["kova"], about(person)["session"]
    page = person.client.get(kova.link())
    assert about(person)["session"] == first
    press_button(person, page)
    assert about(person)["session"] != first
    thief = kova.browser()
    thief.client.cookies.set("kova", earlier)
    assert about(thief) == {}
