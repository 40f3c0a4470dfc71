"""No text, moment or amount from outside is our failure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import psycopg
import pytest
from fastapi.routing import APIRoute

from kova.access.api_key import Scope
from kova.bootstrap.keys import answer_key_request
from kova.bootstrap.settings import load_settings
from kova.shared.exceptions import InvalidInputError
from kova_server.application import application
from kova_server.keys import create_key
from tests.support.errors import insert_errors

TEXTS = ["\0", "a\0b", "\ufffd", "\u202e", "ä" * 30, "%", "'", "\\", "{}", "x" * 60]
ENVIRONMENTS = {
    "east": {"PGTZ": "Asia/Kolkata", "PGDATESTYLE": "German"},
    "west": {"PGTZ": "America/Lima", "PGCLIENTENCODING": "LATIN1", "PGDATESTYLE": "SQL, DMY"},
}


@pytest.fixture
async def client(database_url: str, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The server's application in this process, as a key of all scopes sees it."""
    variables = {
        "KOVA_ENV": "local",
        "KOVA_DATABASE_URL": database_url,
        "KOVA_REDIS_URL": redis_url,
        "KOVA_GITHUB_API_URL": "http://127.0.0.1:9",
        "KOVA_RATE_LIMIT_PER_MINUTE": "1000000",
        "KOVA_ANONYMOUS_RATE_LIMIT_PER_MINUTE": "1000000",
    }
    key = await create_key(variables, "test", list(Scope))
    app = application(load_settings(variables))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"X-API-Key": key}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://kova", headers=headers
    ) as opened:
        opened.app = app  # type: ignore[attr-defined]
        yield opened
    await app.state.process.close()


async def test_no_text_in_a_path_a_query_or_a_header_is_a_500(client: httpx.AsyncClient) -> None:
    routes = [
        route
        for router in client.app.state.routers  # type: ignore[attr-defined]
        for route in router.routes
        if isinstance(route, APIRoute)
    ]
    asked = 0
    for route in routes:
        names = [field.alias for field in route.dependant.path_params]
        query_names = [field.alias for field in route.dependant.query_params] + ["cursor"]
        for text in TEXTS:
            path = route.path_format.format(**dict.fromkeys(names, quote(text, safe="")))
            query = "&".join(f"{name}={quote(text, safe='')}" for name in query_names)
            for method in route.methods:
                headers = {"Idempotency-Key": "%00", "X-Request-Id": "%00", "Prefer": "\x7f"}
                answer = await client.request(method, f"{path}?{query}", headers=headers)
                assert answer.status_code != 500, (method, path, query, answer.text)
                asked += bool(names)
            filters = "&".join(
                f"{name}={quote(text, safe='')}" for name in query_names if name != "cursor"
            )
            if "GET" in route.methods:
                answer = await client.get(f"{path}?{filters}")
                assert answer.status_code != 500, (path, filters, answer.text)
    assert asked > 50


@pytest.fixture(params=ENVIRONMENTS)
def odd_session(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that libpq reads, and that change what a session writes."""
    for variable, value in ENVIRONMENTS[request.param].items():
        monkeypatch.setenv(variable, value)


@pytest.mark.usefixtures("odd_session")
@pytest.mark.parametrize(
    ("moment", "stored"),
    [
        ("9999-12-31T23:59:59.999999Z", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("9999-01-01T00:00:00+14:00", "9998-12-31T10:00:00Z"),
        ("0001-01-01T00:00:00+14:00", None),
        ("2031-02-03T04:05:06+05:30", "2031-02-02T22:35:06Z"),
    ],
)
async def test_a_moment_is_refused_or_stored_as_utc(
    moment: str, stored: str | None, client: httpx.AsyncClient, database_url: str
) -> None:
    insert_errors(database_url, "octo/sample", 1)
    (error,) = (await client.get("/api/errors")).json()["items"]
    body = {"name": "ci ł", "scopes": ["read"], "expires_at": moment}
    key = await client.post("/api/keys", json=body)
    ignore = {"status": "ignored", "reason": "r", "until": moment}
    ignored = await client.patch(f"/api/errors/{error['id']}", json=ignore)
    if stored is None:
        assert (key.status_code, ignored.status_code) == (422, 422)
    else:
        assert (key.status_code, key.json()["expires_at"]) == (201, stored)
        assert (ignored.status_code, ignored.json()["ignored"]["until"]) == (200, stored)
    for path in ("/api/keys", "/api/errors", "/api/audit"):
        assert (await client.get(path)).status_code == 200


async def test_a_moment_of_earlier_days_that_is_too_late_breaks_no_list(
    monkeypatch: pytest.MonkeyPatch, database_url: str, client: httpx.AsyncClient
) -> None:
    latest = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE api_keys SET expires_at = %s", (latest,))
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET timezone = 'Asia/Kolkata'")
    for variable, value in ENVIRONMENTS["east"].items():
        monkeypatch.setenv(variable, value)
    answer = await client.get("/api/keys")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("form", ["urn:uuid:{}", "{{{}}}", "{}", "UPPER"])
async def test_an_id_has_one_form_in_the_audit_log(
    form: str, client: httpx.AsyncClient, database_url: str
) -> None:
    insert_errors(database_url, "octo/sample", 1)
    (error,) = (await client.get("/api/errors")).json()["items"]
    text = error["id"].upper() if form == "UPPER" else form.format(error["id"])
    ignore = {"status": "ignored", "reason": "r"}
    answer = await client.patch(f"/api/errors/{text}", json=ignore)
    targets = {row["target"] for row in (await client.get("/api/audit")).json()["items"]}
    if form in {"{}", "UPPER"}:
        assert answer.status_code == 200
        assert any(error["id"] in target for target in targets)
    else:
        assert answer.status_code == 404
    assert not any(text in target for target in targets if text != error["id"])


@pytest.mark.parametrize("amount", ["inf", "nan", "-1", "1e300", "1e-22", "0.00001", "1000000.1"])
async def test_a_budget_that_cannot_be_stored_is_refused(database_url: str, amount: str) -> None:
    request = {"action": "create", "name": "ci", "scopes": ["read"], "budget": amount}
    with pytest.raises(InvalidInputError, match="US dollars from 0 to 1000000"):
        await answer_key_request({"KOVA_DATABASE_URL": database_url}, request, "test")


@pytest.mark.parametrize("amount", [0, 1e-22, 0.1 + 0.2, 12.34567, 1_000_000])
async def test_the_budget_that_is_shown_is_the_one_that_is_stored(
    amount: float, client: httpx.AsyncClient, database_url: str
) -> None:
    insert_errors(database_url, "octo/sample", 1)
    body = {"name": "ci", "scopes": ["read"], "monthly_budget_usd": amount}
    shown = (await client.post("/api/keys", json=body)).json()["monthly_budget_usd"]
    listed = (await client.get("/api/keys")).json()["items"][0]["monthly_budget_usd"]
    change = {"monthly_budget_usd": amount}
    changed = await client.patch("/api/repositories/octo/sample", json=change)
    (repository,) = (await client.get("/api/repositories")).json()["items"]
    assert shown == listed == changed.json()["monthly_budget_usd"]
    assert shown == repository["monthly_budget_usd"] == pytest.approx(amount, abs=0.0001)
