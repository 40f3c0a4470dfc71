"""A session gives what its provider and the rules give today, not what they gave at the sign-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import redis

from kova.access.confirm_access import CONFIRM_EVERY, GRACE, LEASE
from kova.adapters.memory.clock import Clock
from kova.adapters.redis import keys
from kova.bootstrap.core import Core
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova.web.routes import auth
from kova_fakes.github import serve_github
from kova_fakes.github.faults import Fault
from kova_fakes.github.users import GitHubUser
from kova_fakes.google import serve_google
from kova_fakes.google.tokens import GoogleAccount
from kova_fakes.serving import serving
from tests.people.conftest import about, pages
from tests.people.test_github import GitHubDesk
from tests.people.test_google import GoogleDesk
from tests.support.setup import Browser

SOON = timedelta(seconds=1)


@contextmanager
def serve_pages(variables: Mapping[str, str], clock: Clock) -> Iterator[str]:
    """Serve the pages by their own settings, over the same sessions as others; yield the address."""
    core = Core(load_settings(variables))
    app = create_app(core, {"people": PeopleRoot(core, now=clock)}, [auth.router, pages])
    with serving(app, lifespan=True) as address:
        yield address


def seen_at(address: str, browser: Browser) -> httpx.Response:
    """Open a page of another process with a browser's session."""
    return httpx.get(f"{address}/ui/me", cookies={"kova": browser.client.cookies["kova"]})


class Hours(Clock):
    """A clock that takes Redis along: leases there end with the time that passes here."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(datetime.now(UTC))
        self._redis_url = redis_url

    def advance(self, duration: timedelta) -> None:
        super().advance(duration)
        if duration >= LEASE:
            with redis.Redis.from_url(self._redis_url) as client:
                for name in client.scan_iter("kova:session:confirmation:*"):
                    client.delete(name)


@pytest.fixture
def clock(own_redis_url: str) -> Clock:
    return Hours(own_redis_url)


@pytest.fixture
def google_desk(own_redis_url: str, clock: Clock) -> Iterator[GoogleDesk]:
    with serve_google() as google:
        google.account = GoogleAccount(address="zoe@example.com", hosted_domain="example.com")
        variables = {
            "KOVA_ENV": "local",
            "KOVA_REDIS_URL": own_redis_url,
            "KOVA_SIGNING_KEY": "s",
            "GOOGLE_CLIENT_ID": google.client_id,
            "GOOGLE_CLIENT_SECRET": google.client_secret,
            "KOVA_GOOGLE_ISSUER": google.url,
            "KOVA_MEMBERS": "zoe@example.com",
        }
        with serve_pages(variables, clock) as address:
            google.redirect_uris = [f"{address}/auth/google/callback"]
            desk = GoogleDesk(address=address, variables=variables, google=google)
            yield desk
            for browser in desk.browsers:
                browser.close()


@pytest.fixture
def desk(own_redis_url: str, clock: Clock) -> Iterator[GitHubDesk]:
    with serve_github() as github:
        for name in ("octo/secret", "octo/other"):
            github.state.create_repository(name, files={"a": b""}, private=True)
        variables = {
            "KOVA_ENV": "local",
            "KOVA_REDIS_URL": own_redis_url,
            "KOVA_SIGNING_KEY": "s",
            "KOVA_GITHUB_API_URL": github.url,
            "KOVA_GITHUB_CLIENT_ID": github.client_id,
            "KOVA_GITHUB_CLIENT_SECRET": github.client_secret,
            "KOVA_ADMINS": "github:boss",
        }
        core = Core(load_settings(variables))
        with serve_pages(variables, clock) as address:
            github.sign_in.callback_urls = [f"{address}/auth/github/callback"]
            desk = GitHubDesk(address=address, variables=variables, github=github, core=core)
            yield desk
            for browser in desk.browsers:
                browser.close()


@pytest.fixture
def cat(desk: GitHubDesk) -> GitHubUser:
    user = GitHubUser(login="Cat", permissions={"octo/secret": "pull"})
    desk.github.sign_in.user = user
    return user


def signed_in(desk: GitHubDesk) -> Browser:
    browser = desk.browser()
    assert desk.sign_in(browser).status_code == 303
    return browser


def reach(browser: Browser) -> frozenset[str]:
    return frozenset(about(browser)["reach"].split())


def questions(desk: GitHubDesk) -> int:
    """Return how often GitHub was asked who somebody is."""
    return sum(request.path == "/user" for request in desk.github.state.requests)


@pytest.mark.parametrize(
    "change",
    [
        {"GOOGLE_CLIENT_ID": "", "GOOGLE_CLIENT_SECRET": ""},
        {"KOVA_MEMBERS": "else@example.com"},
        {"KOVA_GOOGLE_HOSTED_DOMAIN": "example.org"},
    ],
)
def test_a_session_by_google_ends_with_what_gave_it(
    google_desk: GoogleDesk, clock: Clock, change: dict[str, str]
) -> None:
    browser = google_desk.browser()
    google_desk.sign_in(browser)
    assert about(browser)["scopes"] == "ai read scan"
    with serve_pages(google_desk.variables | change, clock) as changed:
        assert seen_at(changed, browser).status_code == 303


def test_a_role_by_google_is_the_one_of_today(google_desk: GoogleDesk, clock: Clock) -> None:
    browser = google_desk.browser()
    google_desk.sign_in(browser)
    changes = {
        "read": {"KOVA_MEMBERS": "", "KOVA_VIEWERS": "@example.com"},
        "admin ai read scan": {"KOVA_ADMINS": "zoe@example.com"},
    }
    for scopes, change in changes.items():
        with serve_pages(google_desk.variables | change, clock) as changed:
            assert seen_at(changed, browser).json()["scopes"] == scopes


def test_a_session_of_a_provider_that_is_switched_off_does_not_come_back(
    google_desk: GoogleDesk, clock: Clock
) -> None:
    browser = google_desk.browser()
    google_desk.sign_in(browser)
    off = {"GOOGLE_CLIENT_ID": "", "GOOGLE_CLIENT_SECRET": ""}
    with serve_pages(google_desk.variables | off, clock) as changed:
        assert seen_at(changed, browser).status_code == 303
    assert about(browser) == {}


def test_a_session_by_github_ends_when_its_provider_is_switched_off(
    desk: GitHubDesk, clock: Clock, cat: GitHubUser
) -> None:
    browser = signed_in(desk)
    off = {"KOVA_GITHUB_CLIENT_ID": "", "KOVA_GITHUB_CLIENT_SECRET": ""}
    with serve_pages(desk.variables | off, clock) as changed:
        assert seen_at(changed, browser).status_code == 303


def test_the_owner_by_a_link_needs_no_provider(desk: GitHubDesk) -> None:
    assert about(desk.owner())["scopes"] == "admin ai read scan"


def test_what_somebody_sees_follows_github_within_the_interval(
    desk: GitHubDesk, clock: Clock, cat: GitHubUser
) -> None:
    browser = signed_in(desk)
    cat.permissions = {"octo/other": "pull"}
    asked = questions(desk)
    clock.advance(CONFIRM_EVERY - SOON)
    assert reach(browser) == {"octo/secret"}
    assert questions(desk) == asked  # GitHub is not asked at each request.
    clock.advance(2 * SOON)
    assert reach(browser) == {"octo/other"}
    assert reach(browser) == {"octo/other"}
    assert questions(desk) == asked + 1


@pytest.mark.parametrize("loss", ["token", "repositories", "login"])
def test_who_lost_access_on_github_is_out_within_the_interval(
    desk: GitHubDesk, clock: Clock, cat: GitHubUser, loss: str
) -> None:
    browser, tokens = signed_in(desk), dict(desk.github.sign_in.tokens)
    match loss:
        case "token":
            desk.github.sign_in.tokens.clear()
        case "repositories":
            cat.permissions = {}
        case _:
            cat.login = "somebody-else"
    clock.advance(CONFIRM_EVERY)
    assert about(browser) == {}
    desk.github.sign_in.tokens.update(tokens)
    cat.login, cat.permissions = "Cat", {"octo/secret": "pull"}
    assert about(browser) == {}  # The session is over, not only shut.


def test_an_admin_by_rule_is_out_when_github_refuses_their_token(
    desk: GitHubDesk, clock: Clock
) -> None:
    desk.github.sign_in.user = GitHubUser(login="boss")
    browser = signed_in(desk)
    clock.advance(CONFIRM_EVERY)
    assert about(browser)["scopes"] == "admin ai read scan"
    desk.github.sign_in.tokens.clear()
    clock.advance(CONFIRM_EVERY)
    assert about(browser) == {}


@pytest.mark.parametrize("kind", ["502", "cut", "html", "429", "403"])
def test_while_github_is_down_a_session_goes_on_for_the_grace(
    desk: GitHubDesk, clock: Clock, cat: GitHubUser, kind: str
) -> None:
    browser = signed_in(desk)
    cat.permissions = {"octo/other": "pull"}
    desk.github.inject(Fault(kind=kind, path="/user", times=10_000, seconds=120))  # type: ignore[arg-type]
    clock.advance(GRACE - SOON)
    assert reach(browser) == {"octo/secret"}
    clock.advance(SOON)
    answer = browser.get("/ui/me")
    assert answer.status_code == 503
    assert "GitHub does not answer" in answer.text
    assert int(answer.headers["retry-after"]) > 0
    # It is shut, not ended: when GitHub is back, so is the session.
    desk.github.clear_faults()
    clock.advance(timedelta(minutes=1))
    assert reach(browser) == {"octo/other"}


def test_while_github_is_down_there_is_a_way_out_and_one_in(
    desk: GitHubDesk, clock: Clock, cat: GitHubUser
) -> None:
    browser = signed_in(desk)
    csrf = about(browser)["csrf"]
    desk.github.inject(Fault(kind="502", path="/user", times=10_000))
    clock.advance(GRACE)
    assert browser.get("/ui/me").status_code == 503
    page = browser.get("/auth/sign-in")
    assert page.status_code == 503
    assert "GitHub does not answer" in page.text
    assert "kova sign-in" in page.text
    other = desk.browser()
    other.client.cookies.set("kova", browser.client.cookies["kova"])
    assert desk.open_link(other).status_code == 303
    assert about(other)["actor"] == "local:owner"
    # The link's session took the place of the one that the browser had.
    out = browser.client.post(f"{desk.address}/auth/logout", data={"csrf_token": csrf})
    assert (out.status_code, out.headers["location"]) == (303, "/auth/sign-in")


def test_signing_out_needs_no_github(desk: GitHubDesk, clock: Clock, cat: GitHubUser) -> None:
    browser = signed_in(desk)
    token, csrf = browser.client.cookies["kova"], about(browser)["csrf"]
    desk.github.inject(Fault(kind="502", path="/user", times=10_000))
    clock.advance(GRACE)
    assert browser.client.post(f"{desk.address}/auth/logout").status_code == 403
    out = browser.client.post(f"{desk.address}/auth/logout", data={"csrf_token": csrf})
    assert (out.status_code, out.headers["location"]) == (303, "/auth/sign-in")
    desk.github.clear_faults()
    thief = desk.browser()
    thief.client.cookies.set("kova", token)
    assert about(thief) == {}


def test_of_many_requests_at_once_one_asks_github(
    desk: GitHubDesk, clock: Clock, cat: GitHubUser
) -> None:
    browser = signed_in(desk)
    asked = questions(desk)
    clock.advance(CONFIRM_EVERY)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: seen_at(desk.address, browser), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert questions(desk) == asked + 1


def test_a_session_that_ends_while_github_is_asked_stays_ended(
    desk: GitHubDesk, clock: Clock, cat: GitHubUser
) -> None:
    browser = signed_in(desk)
    token, csrf = browser.client.cookies["kova"], about(browser)["csrf"]
    clock.advance(CONFIRM_EVERY)
    desk.github.inject(Fault(kind="slow", path="/user$", seconds=1.0))
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(seen_at, desk.address, browser)
        out = httpx.post(
            f"{desk.address}/auth/logout", data={"csrf_token": csrf}, cookies={"kova": token}
        )
        assert out.status_code == 303
        asking.result()
    assert about(browser) == {}


def test_the_person_s_token_cannot_be_read_without_their_cookie(
    desk: GitHubDesk, cat: GitHubUser, own_redis_url: str
) -> None:
    browser = signed_in(desk)
    (token,) = desk.github.sign_in.tokens
    with redis.Redis.from_url(own_redis_url) as client:
        stored = b"".join(client.get(name) or b"" for name in client.scan_iter(_type="string"))
    assert b"octo/secret" in stored
    assert token.encode() not in stored
    assert browser.client.cookies["kova"].encode() not in stored


def test_when_github_tells_of_a_change_it_is_asked_at_once(
    desk: GitHubDesk, clock: Clock, cat: GitHubUser
) -> None:
    browser = signed_in(desk)
    clock.advance(LEASE)
    cat.permissions = {"octo/other": "pull"}
    assert reach(browser) == {"octo/secret"}
    with redis.Redis.from_url(desk.variables["KOVA_REDIS_URL"]) as client:
        client.set(keys.rights_change(), clock().isoformat())
    assert reach(browser) == {"octo/other"}
    clock.advance(LEASE)  # And once more, for what GitHub shows a little later.
    assert reach(browser) == {"octo/other"}
    asked = questions(desk)
    clock.advance(LEASE)
    assert reach(browser) == {"octo/other"}
    assert questions(desk) == asked
