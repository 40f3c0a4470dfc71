"""Signing in with Google, from the outside: the way through, and every way that is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from kova.bootstrap.core import Core
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova.web.routes import auth
from kova_fakes.google import FakeGoogle, serve_google
from kova_fakes.google.tokens import GoogleAccount, Tampering
from kova_fakes.serving import serving
from tests.people.conftest import Pages, about, pages
from tests.people.test_sessions import HOSTILE
from tests.support.setup import Browser

ZOE = GoogleAccount(address="Zoe@Example.com", hosted_domain="example.com")


@dataclass
class GoogleDesk(Pages):
    """The pages of one test, and the Google that they trust."""

    google: FakeGoogle = field(default_factory=FakeGoogle)

    def to_google(self, browser: Browser, path: str = "/ui/me") -> httpx.Response:
        """Press the button, consent at Google, and return Google's way back."""
        begun = browser.client.get(f"{self.address}/auth/google/login", params={"next": path})
        assert begun.status_code == 303, begun.text
        return httpx.get(begun.headers["location"])

    def come_back(self, browser: Browser, redirect: httpx.Response) -> httpx.Response:
        assert redirect.status_code == 302, redirect.text
        return browser.client.get(redirect.headers["location"])

    def sign_in(self, browser: Browser, path: str = "/ui/me") -> httpx.Response:
        return self.come_back(browser, self.to_google(browser, path))


@pytest.fixture
def desk(own_redis_url: str) -> Iterator[GoogleDesk]:
    with serve_google() as google:
        google.account = ZOE
        variables = {
            "KOVA_ENV": "local",
            "KOVA_REDIS_URL": own_redis_url,
            "KOVA_SIGNING_KEY": "s",
            "GOOGLE_CLIENT_ID": google.client_id,
            "GOOGLE_CLIENT_SECRET": google.client_secret,
            "KOVA_GOOGLE_ISSUER": google.url,
            "KOVA_GOOGLE_HOSTED_DOMAIN": "example.com",
            "KOVA_ADMINS": "boss@example.com",
        }
        core = Core(load_settings(variables))
        app = create_app(core, {"people": PeopleRoot(core)}, [auth.router, pages])
        with serving(app, lifespan=True) as address:
            google.redirect_uris = [f"{address}/auth/google/callback"]
            desk = GoogleDesk(address=address, variables=variables, google=google)
            yield desk
            for browser in desk.browsers:
                browser.close()


def test_somebody_of_the_domain_signs_in_as_a_viewer_and_goes_on(desk: GoogleDesk) -> None:
    browser = desk.browser()
    answer = desk.sign_in(browser, "/ui/me?a=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/me?a=1")
    assert about(browser)["actor"] == "google:zoe@example.com"
    assert about(browser)["scopes"] == "read"
    assert desk.google.refusals == []


def test_a_rule_makes_somebody_an_admin(desk: GoogleDesk) -> None:
    desk.google.account = GoogleAccount(address="boss@example.com", hosted_domain="example.com")
    browser = desk.browser()
    desk.sign_in(browser)
    assert about(browser)["scopes"] == "admin ai read scan"


def test_the_sign_in_page_leads_to_google(desk: GoogleDesk) -> None:
    page = desk.browser().get("/auth/sign-in?next=/ui/me%3Fa%3D1")
    assert 'href="/auth/google/login?next=/ui/me%3Fa%3D1"' in page.text
    assert "Sign in with Google" in page.text
    assert "GitHub" not in page.text
    assert desk.browser().get("/auth/github/login").status_code == 404
    assert desk.browser().get("/auth/github/callback?code=a&state=b").status_code == 404


def refused(desk: GoogleDesk, answer: httpx.Response, browser: Browser) -> None:
    assert answer.status_code in {403, 503}, answer.text
    assert 'role="alert"' in answer.text
    assert "Sign in with Google" in answer.text  # It says what to do: begin anew.
    assert about(browser) == {}


SOON = int(time.time()) + 3_600
BAD_TOKENS = {
    "wrong nonce": Tampering(claims={"nonce": "another-nonce-of-somebody"}),
    "no nonce": Tampering(claims={"nonce": None}),
    "nonce of another kind": Tampering(claims={"nonce": 7}),
    "other audience": Tampering(claims={"aud": "someone-else.apps.googleusercontent.com"}),
    "several audiences": Tampering(claims={"aud": ["someone-else", "mine"]}),
    "no audience": Tampering(claims={"aud": None}),
    "other authorized party": Tampering(claims={"azp": "someone-else"}),
    "other issuer": Tampering(claims={"iss": "https://accounts.evil.example"}),
    "no issuer": Tampering(claims={"iss": None}),
    "expired": Tampering(claims={"exp": SOON - 10_000}),
    "no expiry": Tampering(claims={"exp": None}),
    "expiry that is no number": Tampering(claims={"exp": "tomorrow"}),
    "not yet issued": Tampering(claims={"iat": SOON}),
    "no subject": Tampering(claims={"sub": None}),
    "no address": Tampering(claims={"email": None}),
    "address of another kind": Tampering(claims={"email": ["a@example.com"]}),
    "unsigned": Tampering(signing="none"),
    "other key under the good name": Tampering(signing="other"),
    "a key that is not published": Tampering(signing="unknown"),
    "HS256 with the public key": Tampering(signing="hs256"),
    "no token": Tampering(mangle="nonsense"),
    "empty token": Tampering(mangle=""),
    "token of junk": Tampering(mangle="a.b.c"),
    "unverified address": Tampering(claims={"email_verified": False}),
    "address verified in words": Tampering(claims={"email_verified": "true"}),
    "other domain": Tampering(claims={"hd": "evil.example"}),
    "no domain": Tampering(claims={"hd": None}),
    "domain of another kind": Tampering(claims={"hd": ["example.com"]}),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_token_that_is_not_as_it_should_be_is_refused(desk: GoogleDesk, name: str) -> None:
    desk.google.tampering = BAD_TOKENS[name]
    browser = desk.browser()
    refused(desk, desk.sign_in(browser), browser)
    desk.google.tampering = Tampering()
    assert desk.sign_in(browser).status_code == 303  # The same browser may begin anew.


def test_a_replayed_code_or_answer_is_refused(desk: GoogleDesk) -> None:
    browser, thief = desk.browser(), desk.browser()
    redirect = desk.to_google(browser)
    assert desk.come_back(browser, redirect).status_code == 303
    again = desk.come_back(browser, redirect)
    assert again.status_code == 403
    refused(desk, desk.come_back(thief, redirect), thief)
    code = parse_qs(urlsplit(redirect.headers["location"]).query)["code"][0]
    fresh = desk.to_google(thief).headers["location"]
    state = parse_qs(urlsplit(fresh).query)["state"][0]
    callback = f"{desk.address}/auth/google/callback"
    answer = thief.client.get(callback, params={"code": code, "state": state})
    refused(desk, answer, thief)
    assert any("invalid_grant" in refusal for refusal in desk.google.refusals)


def test_a_wrong_state_is_refused(desk: GoogleDesk) -> None:
    browser = desk.browser()
    location = desk.to_google(browser).headers["location"]
    code = parse_qs(urlsplit(location).query)["code"][0]
    for state in ("", "wrong", "x" * 5_000, "é\u2028"):
        callback = f"{desk.address}/auth/google/callback"
        answer = browser.client.get(callback, params={"code": code, "state": state})
        refused(desk, answer, browser)


def test_an_answer_counts_only_in_the_browser_that_asked(desk: GoogleDesk) -> None:
    """Otherwise somebody could be signed in, unknowingly, as the attacker."""
    attacker, victim = desk.browser(), desk.browser()
    redirect = desk.to_google(attacker)
    refused(desk, desk.come_back(victim, redirect), victim)
    # The victim's own attempt does not help the attacker's answer.
    redirect = desk.to_google(attacker)
    desk.to_google(victim)
    refused(desk, desk.come_back(victim, redirect), victim)


def test_the_newest_of_two_tabs_signs_in_whichever_comes_back_first(desk: GoogleDesk) -> None:
    browser = desk.browser()
    first, second = desk.to_google(browser), desk.to_google(browser)
    refused(desk, desk.come_back(browser, first), browser)
    assert desk.come_back(browser, second).status_code == 303
    # A link to the way back, wherever it stands, ends no sign-in that is under way either.
    other = desk.browser()
    redirect = desk.to_google(other)
    other.client.get(f"{desk.address}/auth/google/callback", params={"state": "x"})
    assert desk.come_back(other, redirect).status_code == 303


def test_a_cancelled_consent_is_said(desk: GoogleDesk) -> None:
    desk.google.account = None
    browser = desk.browser()
    answer = desk.sign_in(browser)
    assert "cancelled" in answer.text
    refused(desk, answer, browser)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_sign_in_leads_to_our_own_pages_only(desk: GoogleDesk, path: str) -> None:
    answer = desk.sign_in(desk.browser(), path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_session_that_was_there_before_is_replaced(desk: GoogleDesk) -> None:
    browser = desk.owner()
    before = browser.client.cookies["kova"]
    desk.sign_in(browser)
    assert browser.client.cookies["kova"] != before
    thief = desk.browser()
    thief.client.cookies.set("kova", before)
    assert about(thief) == {}


def test_a_cookie_chosen_by_somebody_else_opens_nothing(desk: GoogleDesk) -> None:
    browser = desk.browser()
    browser.client.cookies.set("kova", "chosen")
    desk.sign_in(browser)
    thief = desk.browser()
    thief.client.cookies.set("kova", "chosen")
    assert about(thief) == {}


def test_google_refuses_another_way_back_and_kova_asks_for_none(desk: GoogleDesk) -> None:
    desk.google.redirect_uris = ["https://kova.example.com/auth/google/callback"]
    page = desk.to_google(desk.browser())
    assert page.status_code == 400
    assert "redirect_uri_mismatch" in page.text


def test_a_configuration_of_another_issuer_is_not_believed(desk: GoogleDesk) -> None:
    desk.google.document = {"issuer": "https://accounts.google.com"}
    answer = desk.browser().get("/auth/google/login")
    assert answer.status_code == 503
    desk.google.document = {"authorization_endpoint": "http://evil.example/auth"}
    assert desk.browser().get("/auth/google/login").status_code == 503


def test_keys_are_read_once_and_again_for_a_new_one_at_most(desk: GoogleDesk) -> None:
    browser = desk.browser()
    desk.sign_in(browser)
    desk.sign_in(browser)
    assert desk.google.key_reads == 1
    desk.google.tampering = Tampering(signing="unknown")
    for _ in range(3):
        desk.sign_in(browser)
    assert desk.google.key_reads <= 2


def test_a_person_lists_and_ends_their_sessions(desk: GoogleDesk) -> None:
    first, second, stranger = desk.browser(), desk.browser(), desk.owner()
    desk.sign_in(first)
    desk.sign_in(second)
    page = first.get("/auth/sessions")
    assert page.text.count("Sign out there") == 2
    other = about(second)["session"]
    address = f"{desk.address}/auth/sessions/{other}/revoke"
    foreign = stranger.client.post(address, data={"csrf_token": about(stranger)["csrf"]})
    assert foreign.status_code == 404
    assert first.client.post(address).status_code == 403
    assert about(second)
    answer = first.client.post(address, data={"csrf_token": about(first)["csrf"]})
    assert answer.status_code == 303
    assert about(second) == {}
    assert about(first)


def test_names_from_google_run_nothing_on_the_page(desk: GoogleDesk) -> None:
    browser = Browser(desk.address)
    desk.browsers.append(browser)
    browser.client.headers["user-agent"] = "<script>alert(1)</script>"
    desk.google.account = GoogleAccount(
        address="zoe@example.com", name="<img src=x onerror=alert(1)>", hosted_domain="example.com"
    )
    desk.sign_in(browser)
    page = browser.get("/auth/sessions")
    assert "<script>" not in page.text
    assert "<img src=x" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "&lt;img src=x" in page.text
