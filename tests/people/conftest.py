"""A Kova with pages to sign in, and people with browsers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

import httpx
import pytest
import redis
from fastapi import APIRouter, Depends

from kova.access.api_key import Scope
from kova.bootstrap.core import Core
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova.web.pages.session import SignedIn, needs_session
from kova.web.routes import auth
from kova_fakes.forms import form_of
from kova_fakes.serving import serving
from kova_server.sign_in import make_sign_in_link
from tests.support.setup import Browser

pages = APIRouter()


@pages.get("/ui/me")
async def show_me(
    person: Annotated[SignedIn, Depends(needs_session(Scope.READ))],
) -> dict[str, str]:
    return {
        "actor": person.subject.actor,
        "scopes": " ".join(sorted(person.subject.scopes)),
        "session": person.session_id,
        "csrf": person.csrf_token,
        "reach": " ".join(sorted(person.subject.reach.names or ())),
    }


@pages.post("/ui/act")
async def act(person: Annotated[SignedIn, Depends(needs_session(Scope.SCAN))]) -> dict[str, str]:
    return {"actor": person.subject.actor}


@dataclass
class Pages:
    """The pages of one test."""

    address: str
    variables: dict[str, str]
    browsers: list[Browser] = field(default_factory=list)

    def browser(self) -> Browser:
        """Return a new browser."""
        self.browsers.append(Browser(self.address))
        return self.browsers[-1]

    def link(self) -> str:
        """Return a link that signs in once."""
        return asyncio.run(make_sign_in_link(self.variables, self.address))

    def open_link(
        self, browser: Browser, link: str | None = None, **headers: str
    ) -> httpx.Response:
        """Open a link, press the button of its page, and return the answer to the form."""
        page = browser.client.get(link or self.link(), headers=headers)
        assert page.status_code == 200, page.text
        return press_button(browser, page, **headers)

    def owner(self) -> Browser:
        """Return the browser of somebody who signed in by a link."""
        browser = self.browser()
        answer = self.open_link(browser)
        assert answer.status_code == 303, answer.text
        return browser


def press_button(browser: Browser, page: httpx.Response, **headers: str) -> httpx.Response:
    """Submit a page's form as a browser does, without following where it leads."""
    form = form_of(page)
    host = headers.get("host", page.url.netloc.decode())
    origin = {"origin": f"{page.url.scheme}://{host}", "sec-fetch-site": "same-origin"}
    return browser.client.post(form.address, data=form.fields, headers=origin | headers)


def about(browser: Browser) -> dict[str, str]:
    """Return what the page says of who is signed in; nothing where nobody is."""
    answer: httpx.Response = browser.get("/ui/me")
    if answer.status_code == 303:
        return {}
    assert answer.status_code == 200, answer.text
    values: dict[str, str] = answer.json()
    return values


@pytest.fixture
def own_redis_url(redis_url: str) -> str:
    """Return the address of this process's database, emptied: limits count from nought."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    return redis_url


@pytest.fixture
def kova(own_redis_url: str) -> Iterator[Pages]:
    variables = {"KOVA_ENV": "local", "KOVA_REDIS_URL": own_redis_url, "KOVA_SIGNING_KEY": "s"}
    core = Core(load_settings(variables))
    app = create_app(core, {"people": PeopleRoot(core)}, [auth.router, pages])
    with serving(app, lifespan=True) as address:
        all_pages = Pages(address=address, variables=variables)
        yield all_pages
        for browser in all_pages.browsers:
            browser.close()
