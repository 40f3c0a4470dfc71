"""Sessions of people from the outside: the link that works once, cookies, forms, signing out."""

from __future__ import annotations

import pytest

from kova.web.dashboard.assets import asset_address
from kova.web.own_path import own_path
from tests.people.conftest import Pages, about

HOSTILE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%252fevil.example",
    "/%25252525252fevil.example",
    "/%5cevil.example",
    "/%5C%5Cevil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "/\r\nlocation: https://evil.example",
    "/%0d%0alocation:%20https://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "",
    " /ui",
    "/a/../../evil",
    "/.//evil.example",
    "/%2e//evil.example",
    "/ui/.//evil.example",
    "/.",
    "/auth/link?token=x",
    "/auth/../auth/logout",
    "/%61uth/logout",
    "/" + "a" * 3_000,
    "/\u00a0/evil.example",
    "/\u2028",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_only_paths_of_our_own_follow_the_sign_in(text: str) -> None:
    assert own_path(text) == "/"


@pytest.mark.parametrize(
    "text", ["/", "/ui/errors?path=a%2Fb&q=%5C%0A//x", "/ui/a%20b", "/ui/errors#e1", "/ui/%C3%A9"]
)
def test_own_paths_stay_as_they_are(text: str) -> None:
    assert own_path(text) == text


def test_the_link_signs_the_owner_in_as_admin(kova: Pages) -> None:
    person = kova.owner()
    assert about(person)["actor"] == "local:owner"
    assert about(person)["scopes"] == "admin ai read scan"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(kova: Pages) -> None:
    answer = kova.open_link(kova.browser())
    (cookie,) = answer.headers.get_list("set-cookie")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert cookie.startswith("kova=")
    assert {"httponly", "samesite=lax", "path=/", "max-age=604800"} <= attributes
    assert "secure" not in attributes  # Plain HTTP on this machine.


def test_elsewhere_the_cookie_needs_tls(kova: Pages) -> None:
    answer = kova.open_link(kova.browser(), host="kova.example.com")
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-kova=")
    assert "secure" in cookie.lower().split("; ")
    assert "domain" not in cookie.lower()


def test_who_is_not_signed_in_goes_to_the_sign_in_and_comes_back(kova: Pages) -> None:
    person = kova.browser()
    answer = person.get("/ui/me?a=1&b=%2F")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/auth/sign-in?next=/ui/me%3Fa%3D1%26b%3D%252F"
    assert person.get(answer.headers["location"]).status_code == 200
    kova.open_link(person)
    assert person.get(answer.headers["location"]).headers["location"] == "/ui/me?a=1&b=%2F"


def test_a_script_of_a_page_is_told_to_leave_the_page(kova: Pages) -> None:
    answer = kova.browser().client.get(kova.address + "/ui/me", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/auth/sign-in")


def test_a_session_that_the_browser_brought_is_not_taken_over(kova: Pages) -> None:
    person = kova.browser()
    person.client.cookies.set("kova", "chosen-by-somebody-else")
    answer = kova.open_link(person)
    assert answer.status_code == 303
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]
    stranger = kova.browser()
    stranger.client.cookies.set("kova", "chosen-by-somebody-else")
    assert about(stranger) == {}


def test_a_new_sign_in_begins_another_session(kova: Pages) -> None:
    person = kova.owner()
    first = about(person)["session"]
    kova.open_link(person)
    assert about(person)["session"] != first


def test_a_form_needs_the_token_of_its_session(kova: Pages) -> None:
    person, other = kova.owner(), kova.owner()
    own, foreign = about(person)["csrf"], about(other)["csrf"]
    act = kova.address + "/ui/act"
    assert person.client.post(act, data={"csrf_token": own}).status_code == 200
    assert person.client.post(act, headers={"x-csrf-token": own}).status_code == 200
    for data in ({}, {"csrf_token": ""}, {"csrf_token": foreign}, {"csrf_token": "é"}):
        assert person.client.post(act, data=data).status_code == 403
    assert person.client.post(act, headers={"x-csrf-token": foreign}).status_code == 403
    cross_site = {"x-csrf-token": own, "sec-fetch-site": "cross-site"}
    assert person.client.post(act, headers=cross_site).status_code == 403


def test_signing_out_ends_the_session_everywhere(kova: Pages) -> None:
    person = kova.owner()
    token = person.client.cookies["kova"]
    out = kova.address + "/auth/logout"
    assert person.client.post(out).status_code == 403
    answer = person.client.post(out, data={"csrf_token": about(person)["csrf"]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in")
    assert "kova" not in person.client.cookies
    thief = kova.browser()
    thief.client.cookies.set("kova", token)
    assert about(thief) == {}
    assert person.client.get(out).status_code == 405


def test_the_sign_in_page_looks_like_the_others_and_says_what_to_do(kova: Pages) -> None:
    page = kova.browser().get("/auth/sign-in")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src")
    assert page.headers["cache-control"] == "no-store"
    assert f'href="{asset_address("kova.css")}"' in page.text
    assert "kova sign-in" in page.text
    assert "<code>GOOGLE_CLIENT_ID</code>" in page.text
    assert "<nav" not in page.text


def test_a_person_sees_and_ends_their_sessions(kova: Pages) -> None:
    person, other = kova.owner(), kova.owner()
    page = person.get("/auth/sessions").text
    assert page.count("Sign out there") == 2
    assert page.count("this browser") == 1
    path = f"/auth/sessions/{about(other)['session']}/revoke"
    fields = {"csrf_token": about(person)["csrf"]}
    answer = person.client.post(kova.address + path, data=fields)
    assert answer.headers["location"] == "/auth/sessions?done=ended"
    assert "Signed out there." in person.get(answer.headers["location"]).text
    assert about(other) == {}
