"""Signing in with GitHub: who somebody is, and what they may see there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from kova.bootstrap.core import Core
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings
from kova.shared.reach import EVERYTHING, Reach, reach_of
from kova.web.app import create_app
from kova.web.routes import auth
from kova_fakes.github import FakeGitHub, serve_github
from kova_fakes.github.faults import Fault, Kind
from kova_fakes.github.users import GitHubUser
from kova_fakes.serving import serving
from tests.people.conftest import Pages, about, pages
from tests.support.setup import Browser


@dataclass(kw_only=True)
class GitHubDesk(Pages):
    """The pages of one test, and the GitHub that they trust."""

    github: FakeGitHub
    core: Core

    def to_github(self, browser: Browser) -> httpx.Response:
        begun = browser.get("/auth/github/login?next=/ui/me")
        assert begun.status_code == 303, begun.text
        return httpx.get(begun.headers["location"], headers={"user-agent": "a browser"})

    def sign_in(self, browser: Browser) -> httpx.Response:
        redirect = self.to_github(browser)
        assert redirect.status_code == 302, redirect.text
        return browser.client.get(redirect.headers["location"])


@pytest.fixture
def desk(own_redis_url: str) -> Iterator[GitHubDesk]:
    with serve_github() as github:
        for name, is_private in (("octo/secret", True), ("octo/open", False), ("acme/x", True)):
            github.state.create_repository(name, files={"a": b""}, private=is_private)
        variables = {
            "KOVA_ENV": "local",
            "KOVA_REDIS_URL": own_redis_url,
            "KOVA_SIGNING_KEY": "s",
            "KOVA_GITHUB_API_URL": github.url,
            "KOVA_GITHUB_CLIENT_ID": github.client_id,
            "KOVA_GITHUB_CLIENT_SECRET": github.client_secret,
            "KOVA_ADMINS": "github:boss",
            "KOVA_ALLOWED_OWNERS": "octo",
        }
        core = Core(load_settings(variables))
        app = create_app(core, {"people": PeopleRoot(core)}, [auth.router, pages])
        with serving(app, lifespan=True) as address:
            github.sign_in.callback_urls = [f"{address}/auth/github/callback"]
            desk = GitHubDesk(address=address, variables=variables, github=github, core=core)
            yield desk
            for browser in desk.browsers:
                browser.close()


def reach_in(desk: GitHubDesk, browser: Browser) -> Reach:
    """Return the reach of the person in a browser, as the pages would have it."""
    import asyncio

    async def ask() -> Reach:
        core = Core(load_settings(desk.variables))
        session = await PeopleRoot(core).sign_in.resume(browser.client.cookies["kova"])
        await core.close()
        assert session is not None
        return session.subject.reach

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("permissions", "names"),
    [
        ({"octo/secret": "pull"}, ["octo/secret"]),
        ({"octo/secret": "pull", "octo/open": "pull"}, ["octo/secret"]),
        ({"octo/open": "triage"}, ["octo/open"]),
        ({"octo/open": "push", "octo/secret": "admin"}, ["octo/open", "octo/secret"]),
        ({"octo/secret": "pull", "acme/x": "admin"}, ["octo/secret"]),
    ],
)
def test_somebody_reaches_what_they_work_on_and_kova_may_see(
    desk: GitHubDesk, permissions: dict[str, str], names: list[str]
) -> None:
    desk.github.sign_in.user = GitHubUser(login="Cat", permissions=permissions)
    browser = desk.browser()
    answer = desk.sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/me")
    assert about(browser)["actor"] == "github:Cat"
    assert about(browser)["scopes"] == "read"
    assert reach_in(desk, browser) == reach_of(names)


@pytest.mark.parametrize("permissions", [{}, {"octo/open": "pull"}, {"acme/x": "admin"}])
def test_who_sees_nothing_that_is_watched_does_not_sign_in(
    desk: GitHubDesk, permissions: dict[str, str]
) -> None:
    desk.github.sign_in.user = GitHubUser(login="cat", permissions=permissions)
    browser = desk.browser()
    answer = desk.sign_in(browser)
    assert answer.status_code == 403
    assert "sees none of the repositories" in answer.text
    assert about(browser) == {}


def test_an_admin_by_rule_reaches_everything(desk: GitHubDesk) -> None:
    desk.github.sign_in.user = GitHubUser(login="Boss")
    browser = desk.browser()
    desk.sign_in(browser)
    assert about(browser)["scopes"] == "admin ai read scan"
    assert reach_in(desk, browser) == EVERYTHING


def test_the_person_s_token_is_nowhere_afterwards(desk: GitHubDesk, own_redis_url: str) -> None:
    import redis

    desk.github.sign_in.user = GitHubUser(login="cat", permissions={"octo/secret": "pull"})
    browser = desk.browser()
    answer = desk.sign_in(browser)
    (token,) = desk.github.sign_in.tokens
    with redis.Redis.from_url(own_redis_url) as client:
        kept = b"".join(client.get(name) or b"" for name in client.scan_iter(_type="string"))
    assert b"octo/secret" in kept
    assert token.encode() not in kept
    assert token not in str(answer.headers) + answer.text


def test_a_replayed_answer_is_refused(desk: GitHubDesk) -> None:
    desk.github.sign_in.user = GitHubUser(login="cat", permissions={"octo/secret": "pull"})
    browser = desk.browser()
    location = desk.to_github(browser).headers["location"]
    assert browser.client.get(location).status_code == 303
    assert browser.client.get(location).status_code == 403
    stranger = desk.browser()
    assert stranger.client.get(location).status_code == 403
    assert about(stranger) == {}


def test_a_code_of_somebody_else_is_refused(desk: GitHubDesk) -> None:
    desk.github.sign_in.user = GitHubUser(login="cat", permissions={"octo/secret": "pull"})
    victim, attacker = desk.browser(), desk.browser()
    stolen = httpx.URL(desk.to_github(victim).headers["location"]).params["code"]
    own = httpx.URL(desk.to_github(attacker).headers["location"])
    answer = attacker.client.get(str(own.copy_set_param("code", stolen)))
    assert answer.status_code == 403  # PKCE: the code was asked for with another secret.
    assert about(attacker) == {}


def test_a_cancelled_consent_and_another_way_back_are_refused(desk: GitHubDesk) -> None:
    browser = desk.browser()
    assert "cancelled" in desk.sign_in(browser).text
    assert about(browser) == {}


@pytest.mark.parametrize("kind", ["502", "cut", "html"])
def test_an_outage_of_github_is_said(desk: GitHubDesk, kind: Kind) -> None:
    desk.github.sign_in.user = GitHubUser(login="cat", permissions={"octo/secret": "pull"})
    browser = desk.browser()
    redirect = desk.to_github(browser)
    desk.github.inject(Fault(kind=kind, method="POST", path="/login/oauth/access_token"))
    answer = browser.client.get(redirect.headers["location"])
    assert answer.status_code == 503
    assert "Try again in a minute" in answer.text
    assert about(browser) == {}
