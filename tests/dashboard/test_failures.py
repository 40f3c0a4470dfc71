"""A failure where people look is a page that says what to do; the API's is a problem."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from fastapi import APIRouter

from functions.api.app import load_all as load_api
from kova.access.subject import Role
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.summary import PostgresSummaryStore
from kova.bootstrap.core import Core
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import SettingsError, load_settings
from kova.shared.exceptions import KovaError, RateLimitedError
from kova.shared.limits import FORM_BYTES
from kova.web.app import create_app
from kova.web.dashboard.forms import OwnForm
from kova.web.gateway import GatewayRequest, answer_problem
from kova.web.problem_table import is_page
from kova.web.routes import auth
from tests.dashboard.conftest import ADDRESS, House, QuietProcess, Visitor

NOWHERE: Final = "127.0.0.1:1"
"""Nothing listens there."""
SECRET: Final = "postgresql://kova:hunter2@db"


@dataclass
class Failing:
    """A capability that fails, however it is asked."""

    error: Exception

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def fail(*_args: object, **_names: object) -> None:
            raise self.error

        return fail


def is_failure_page(answer: httpx.Response, status: int, *words: str) -> None:
    """Check what every page of a failure has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    (request_id,) = answer.headers.get_list("x-request-id")
    for word in (f"<code>{request_id}</code>", 'role="alert"', "To the overview", *words):
        assert word in answer.text
    for harm in ("Traceback", ".py", "hunter2", "Error(", "127.0.0.1"):
        assert harm not in answer.text


@pytest.fixture
async def viewer(house: House) -> Visitor:
    return await house.visitor(Role.VIEWER)


async def test_a_fault_of_ours_says_so_and_nothing_else(house: House, viewer: Visitor) -> None:
    house.pages.summaries = Failing(RuntimeError(SECRET))
    answer = await viewer.client.get("/")
    is_failure_page(answer, 500, "Something went wrong", "fault in Kova", "A viewer")
    assert answer.headers["connection"] == "close"


async def test_a_database_that_is_away(house: House, viewer: Visitor) -> None:
    database = Database(f"postgresql://kova:hunter2@{NOWHERE}/kova")
    house.pages.summaries = PostgresSummaryStore(database)
    answer = await viewer.client.get("/")
    await database.close()
    is_failure_page(answer, 503, "A part of Kova does not answer", "The database does not answer.")
    assert answer.headers["retry-after"] == "5"
    assert "Wait 5 s." in answer.text


@pytest.fixture
async def without_redis() -> AsyncIterator[httpx.AsyncClient]:
    core = Core(load_settings({"KOVA_ENV": "local", "KOVA_REDIS_URL": f"redis://{NOWHERE}/0"}))
    app = create_app(core, {"people": PeopleRoot(core)}, [auth.router])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=ADDRESS, cookies={"kova": "x" * 43}
    ) as client:
        yield client
    await core.close()


@pytest.mark.parametrize("path", ["/auth/sign-in", "/auth/sessions"])
async def test_a_redis_that_is_away(without_redis: httpx.AsyncClient, path: str) -> None:
    answer = await without_redis.get(path)
    is_failure_page(answer, 503, "Redis does not answer.")
    assert int(answer.headers["retry-after"]) > 0


async def test_too_many_requests_say_how_long_to_wait(house: House, viewer: Visitor) -> None:
    house.pages.summaries = Failing(RateLimitedError(retry_after=41.2))
    answer = await viewer.client.get("/")
    is_failure_page(answer, 429, "Too much at once", "Wait 42 s.")
    assert answer.headers["retry-after"] == "42"
    assert "Retry-After" not in answer.text


@pytest.mark.parametrize("path", ["/ui/errors?severity=", "/ui/errors?cursor="])
async def test_an_address_with_too_long_a_field(viewer: Visitor, path: str) -> None:
    answer = await viewer.client.get(path + "x" * 5_000)
    is_failure_page(answer, 422, "The address is not one of ours")


async def test_too_large_a_form(viewer: Visitor) -> None:
    answer = await viewer.post("/auth/logout", {"x": "x" * FORM_BYTES})
    is_failure_page(answer, 413, "That is too much", "shorten it")
    assert answer.headers["connection"] == "close"


async def test_another_body_than_a_form(viewer: Visitor) -> None:
    is_failure_page(await viewer.client.post("/ui/keys", json={}), 415, "Nothing was changed")


async def test_a_form_that_does_not_arrive() -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"a=1"
        await asyncio.Event().wait()

    process = QuietProcess()
    process.body_seconds = 0.05
    router = APIRouter()

    @router.post("/ui/form")
    async def take(_form: OwnForm) -> None:
        raise AssertionError

    transport = httpx.ASGITransport(app=create_app(process, {}, [router]))
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": "9"}
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        answer = await client.post("/ui/form", content=drip(), headers=headers)
    is_failure_page(answer, 408, "That took too long")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/", "GET"), ("PUT", "/ui/scans", "GET, POST"), ("GET", "/ui/errors/ignore", None)],
)
async def test_the_wrong_method(
    viewer: Visitor, method: str, path: str, allowed: str | None
) -> None:
    answer = await viewer.client.request(method, path)
    if allowed is None:  # It reads as an error's id.
        is_failure_page(answer, 404, "There is nothing here")
        return
    is_failure_page(answer, 405, "Begin at the overview")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/ui", "/ui/nowhere", "/ui/fixes/1", "/ui/rules?analyzer=none"])
async def test_nothing_there(viewer: Visitor, path: str) -> None:
    is_failure_page(await viewer.client.get(path), 404, "There is nothing here")


async def test_the_path_decides_and_no_accept(viewer: Visitor) -> None:
    answer = await viewer.client.get("/ui/nowhere", headers={"accept": "application/json"})
    is_failure_page(answer, 404)
    for path in ("/nowhere", "/uix", "/authority", "/api/nowhere"):
        answer = await viewer.client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_the_api_keeps_its_problems() -> None:
    core = Core(load_settings({"KOVA_ENV": "local"}))
    endpoints = load_api()
    roots = {name: Failing(RuntimeError(SECRET)) for name in endpoints.roots}
    app = create_app(core, roots, endpoints.routers)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"accept": "text/html", "x-api-key": "x"}
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        for method, path, status in (
            ("GET", "/api/errors", 500),
            ("GET", "/api/nowhere", 404),
            ("PUT", "/api/errors", 405),
        ):
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-request-id"] == answer.json()["request_id"]
            assert "hunter2" not in answer.text
    await core.close()


@pytest.mark.parametrize("path", ["/", "/ui/errors", "/auth/sign-in"])
def test_a_function_that_cannot_start_shows_a_page(path: str) -> None:
    request = GatewayRequest.of({"rawPath": path, "requestContext": {"requestId": "r-1"}})
    error: KovaError = SettingsError("Signing in needs KOVA_REDIS_URL: sessions are there.")
    answer = answer_problem(request, error)
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
    assert "<code>r-1</code>" in answer["body"]
    api = GatewayRequest.of({"rawPath": "/api/errors"})
    assert answer_problem(api, error)["headers"]["content-type"] == "application/problem+json"


def test_pages_are_known_by_their_path() -> None:
    assert all(map(is_page, ("/", "/ui", "/ui/", "/ui/a/b", "/auth/sign-in")))
    assert not any(map(is_page, ("", "//", "/uix", "/api", "/api/ui/", "/setup", "/docs", "/UI")))
