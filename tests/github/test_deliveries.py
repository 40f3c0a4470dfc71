"""GitHub's lists of deliveries: the App's by cursor, and those of repositories' webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from kova.adapters.github.auth import AppTokens, FixedToken
from kova.adapters.github.deliveries import AppDeliveries, HookDeliveries
from kova.intake.ports import DeliveryLog
from kova.intake.sent_delivery import SentDelivery
from kova.shared.exceptions import GitHubUnavailableError, RepositoryNotFoundError
from kova_fakes.github.apps import new_key

ROW = {
    "id": 12345678,
    "guid": "0b989ba4-242f-11e5-81e1-c7b6966d2516",
    "delivered_at": "2019-06-03T00:57:16Z",
    "redelivery": False,
    "duration": 0.27,
    "status": "OK",
    "status_code": 200,
    "event": "issues",
    "action": "opened",
    "installation_id": 123,
    "repository_id": 456,
    "throttled_at": None,
}
SENT = SentDelivery(
    id=12345678,
    guid="0b989ba4-242f-11e5-81e1-c7b6966d2516",
    delivered_at=datetime(2019, 6, 3, 0, 57, 16, tzinfo=UTC),
    status_code=200,
)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def app(script: Any, http: httpx.AsyncClient) -> AppDeliveries:
    tokens = AppTokens(app_id="1", private_key=new_key())
    return AppDeliveries(base_url=script.url, tokens=tokens, http=http)


async def list_all(log: DeliveryLog, source: str) -> list[SentDelivery]:
    return [attempt async for page in log.pages(source) for attempt in page]


async def test_the_app_s_deliveries_come_page_by_page(script: Any, app: AppDeliveries) -> None:
    assert await app.sources() == ["app/hook"]
    following = f'<{script.url}/app/hook/deliveries?cursor=v1_1&per_page=100>; rel="next"'
    script.json("/app/hook/deliveries", [ROW], link=following)
    script.json("/app/hook/deliveries", [{**ROW, "id": 7, "status_code": 0}])
    attempts = await list_all(app, "app/hook")
    assert [(attempt.id, attempt.accepted) for attempt in attempts] == [
        (12345678, True),
        (7, False),
    ]
    assert attempts[0] == SENT
    assert script.paths()[1].endswith("?cursor=v1_1&per_page=100")


@pytest.mark.parametrize(
    "change", [{"id": "x"}, {"guid": None}, {"delivered_at": "yesterday"}, {"delivered_at": None}]
)
async def test_a_row_that_is_none_is_an_outage(
    script: Any, app: AppDeliveries, change: dict[str, Any]
) -> None:
    script.json("/app/hook/deliveries", [{**ROW, **change}])
    with pytest.raises(GitHubUnavailableError):
        await list_all(app, "app/hook")


async def test_a_delivery_is_asked_for_by_its_number(script: Any, app: AppDeliveries) -> None:
    script.json("POST /app/hook/deliveries/7/attempts", {}, status=202)
    await app.redeliver("app/hook", 7)
    with pytest.raises(RepositoryNotFoundError):
        await app.redeliver("app/hook", 8)


async def test_without_an_app_the_webhooks_that_lead_here_are_read(
    script: Any, http: httpx.AsyncClient
) -> None:
    log = HookDeliveries(
        base_url=script.url,
        token=FixedToken("a-token"),
        repositories=["octo/sample", "octo/closed"],
        http=http,
    )
    hook = {"id": 5, "active": True, "config": {"url": "https://kova.example/webhooks/github"}}
    other = {"id": 6, "active": True, "config": {"url": "https://ci.example/hook"}}
    resting = {**hook, "id": 7, "active": False}
    script.json("/repos/octo/sample/hooks", [other, resting, hook, {"id": 8}])
    script.json("/repos/octo/closed/hooks", {"message": "Must have admin rights"}, status=403)
    assert await log.sources() == ["repos/octo/sample/hooks/5"]
    script.json("/orgs/octo/hooks", [{**hook, "id": 9}])
    assert await log.sources() == ["orgs/octo/hooks/9", "repos/octo/sample/hooks/5"]
    script.json("/orgs/octo/hooks/9/deliveries", [ROW])
    assert await list_all(log, "orgs/octo/hooks/9") == [SENT]
    assert {headers["authorization"] for _, _, headers, _ in script.requests} == {"Bearer a-token"}
