"""A key's whole life, by HTTP and by the command line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from kova.access.api_key import Scope
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.kova_process import run_command
from tests.support.services import database_template


@pytest.fixture(scope="module")
def kova(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    with run_kova_with_github(
        tmp_path_factory.mktemp("keys"), KOVA_METRICS_TOKEN="m3trics-token"
    ) as product:
        yield product


def create(kova: Kova, **body: Any) -> httpx.Response:
    return kova.client.post("/api/keys", json={"name": "ci", "scopes": ["read"], **body})


def status(kova: Kova, key: str, path: str = "/api/scans") -> int:
    return httpx.get(f"{kova.address}{path}", headers={"X-API-Key": key}).status_code


def cli(kova: Kova, *arguments: str, code: int = 0) -> str:
    process = run_command("keys", *arguments, environment=kova.environment)
    assert process.returncode == code, process.stdout + process.stderr
    return process.stdout + process.stderr


def test_a_key_is_created_used_listed_and_revoked_by_http(kova: Kova) -> None:
    created = create(kova, monthly_budget_usd=2.5)
    assert created.status_code == 201
    document = created.json()
    key, prefix = document["key"], document["prefix"]
    assert key.startswith(f"kova_{prefix}_")
    assert status(kova, key) == 200
    (listed,) = [row for row in kova.all("/api/keys") if row["prefix"] == prefix]
    assert "key" not in listed
    assert (listed["scopes"], listed["monthly_budget_usd"]) == (["read"], 2.5)
    assert listed["last_used_at"] is not None
    revoked = kova.client.delete(f"/api/keys/{prefix}")
    assert revoked.json()["revoked_at"] is not None
    # At once here: the server that revokes makes Redis forget.
    assert status(kova, key) == 401
    assert kova.client.delete("/api/keys/none").status_code == 404
    assert kova.client.delete(f"/api/keys/{kova.key.split('_')[1]}").status_code == 409


def test_a_key_is_created_listed_and_revoked_by_the_command_line(kova: Kova) -> None:
    document = cli(kova, "create", "by hand", "--scope", "read", "--scope", "scan", "--days", "1")
    key = document.strip()
    prefix = key.split("_")[1]
    assert document.count("\n") == 1
    assert status(kova, key) == 200
    listed = cli(kova, "list")
    assert prefix in listed
    assert key.split("_")[2] not in listed
    odd = "[red]x[/red] [/] \x1b[31m"
    cli(kova, "create", odd, "--scope", "read")
    assert "[red]x[/red] [/] \\x1b[31m" in cli(kova, "list")
    assert "no such key" in cli(kova, "revoke", "\udcff", code=2)
    cli(kova, "revoke", prefix)
    assert status(kova, key) == 401
    assert "no such key" in cli(kova, "revoke", prefix[::-1], code=2)


def test_a_key_revoked_in_the_database_alone_is_refused_within_five_seconds(kova: Kova) -> None:
    key = create(kova).json()["key"]
    assert status(kova, key) == 200
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE api_keys SET revoked_at = now() WHERE prefix = %s", (key.split("_")[1],)
        )
    end = datetime.now(UTC) + timedelta(seconds=5)
    while status(kova, key) == 200:
        assert datetime.now(UTC) < end


def test_a_repeated_creation_shows_the_same_key_and_nobody_keeps_it_in_the_clear(
    kova: Kova,
) -> None:
    body = {"name": "once", "scopes": ["read"]}
    headers = {"Idempotency-Key": "a-key-once"}
    answers = [kova.client.post("/api/keys", json=body, headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    (key,) = {answer.json()["key"] for answer in answers}
    assert len([row for row in kova.all("/api/keys") if row["name"] == "once"]) == 1
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        (stored,) = connection.execute(
            "SELECT body FROM idempotency_keys WHERE key = 'a-key-once'"
        ).fetchone() or (b"",)
    assert stored
    assert key.split("_")[2].encode() not in bytes(stored)


def test_an_expired_key_is_refused(kova: Kova) -> None:
    assert create(kova, expires_at="2020-01-01T00:00:00Z").status_code == 409
    assert create(kova, expires_at="2999-01-01T00:00:00").status_code == 422
    key = create(kova, expires_at="2999-01-01T00:00:00Z").json()["key"]
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE api_keys SET expires_at = now() WHERE prefix = %s", (key.split("_")[1],)
        )
    assert status(kova, key) == 401


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " "},
        {"scopes": []},
        {"scopes": ["root"]},
        {"monthly_budget_usd": -1},
        {"monthly_budget_usd": "NaN"},
        {"extra": 1},
    ],
)
def test_a_bad_request_makes_no_key(kova: Kova, body: dict[str, Any]) -> None:
    before = len(kova.all("/api/keys"))
    assert create(kova, **body).status_code in {400, 422}
    assert len(kova.all("/api/keys")) == before


def test_only_an_administrator_manages_keys(kova: Kova) -> None:
    other_kova = kova.with_new_key(Scope.READ, Scope.SCAN, Scope.AI)
    assert create(other_kova).status_code == 403
    assert other_kova.client.get("/api/keys").status_code == 403
    assert other_kova.client.delete("/api/keys/x").status_code == 403
    assert other_kova.client.get("/api/audit").status_code == 403


def test_what_an_administrator_does_is_noted(kova: Kova) -> None:
    prefix = create(kova, name="noted").json()["prefix"]
    kova.client.delete(f"/api/keys/{prefix}")
    events = [event for event in kova.all("/api/audit") if event["target"] == f"key:{prefix}"]
    assert [event["action"] for event in events] == ["key.revoked", "key.created"]
    assert {event["actor"] for event in events} == {f"key:{kova.key.split('_')[1]}"}
    assert events[1]["detail"] == {"name": "noted", "scopes": "read"}


def test_usage_sums_a_month_by_key_and_repository_beside_the_budgets(kova: Kova) -> None:
    prefix = create(kova, name="spender", monthly_budget_usd=10).json()["prefix"]
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        connection.execute(
            """INSERT INTO repositories (full_name, default_branch, monthly_budget_usd)
            VALUES ('octo/spent', 'main', 5)"""
        )
        connection.execute(
            """INSERT INTO ai_commands (api_key_id, repository_id, command, task, outcome,
                input_tokens, output_tokens, cost_usd, cached, created_at)
            SELECT api_keys.id, repositories.id, 'why?', 'analyze', 'ok', 100, 10, cost, cached, at
            FROM api_keys, repositories, (VALUES
                (0.25, false, timestamptz '2026-02-01 00:00:00+00'),
                (0.50, true, timestamptz '2026-02-28 23:59:59+00'),
                (9.00, false, timestamptz '2026-03-01 00:00:00+00'),
                (9.00, false, timestamptz '2026-01-31 23:59:59+00')) AS one (cost, cached, at)
            WHERE prefix = %s AND full_name = 'octo/spent'""",
            (prefix,),
        )
    usage = kova.get("/api/usage", month="2026-02")
    assert (usage["month"], usage["cost_usd"]) == ("2026-02", 0.75)
    assert usage["items"] == [
        {
            "month": "2026-02",
            "key_prefix": prefix,
            "key_name": "spender",
            "repository": "octo/spent",
            "commands": 2,
            "cached": 1,
            "input_tokens": 200,
            "output_tokens": 20,
            "cost_usd": 0.75,
        }
    ]
    budgets = {(budget["kind"], budget["name"]): budget for budget in usage["budgets"]}
    assert budgets["key", prefix]["limit_usd"] == 10
    assert budgets["repository", "octo/spent"]["spent_usd"] == 0.75
    assert kova.get("/api/usage")["items"] == []
    assert kova.client.get("/api/usage?month=2026-13").status_code == 422


def test_metrics_are_for_a_reading_key_or_the_token(kova: Kova) -> None:
    url = f"{kova.address}/metrics"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"Authorization": "Bearer m3trics-token"}).status_code == 200
    assert httpx.get(url, headers={"Authorization": "Bearer m3trics"}).status_code == 401
    assert status(kova, kova.key, "/metrics") == 200
    assert status(kova, kova.with_new_key(Scope.SCAN).key, "/metrics") == 403


def test_no_secret_is_in_any_log_line_or_error(kova: Kova) -> None:
    key = create(kova).json()["key"]
    address, secret = kova.address, key.split("_")[2]
    answers = [
        httpx.get(f"{address}/api/scans", headers={"X-API-Key": key + "x"}),
        httpx.get(f"{address}/api/scans?key={key}", headers={"Authorization": f"Basic {key}"}),
        httpx.get(f"{address}/api/errors?status={key}", headers={"X-API-Key": key}),
        httpx.post(f"{address}/api/scan", headers={"X-API-Key": key}, json={"repository": key}),
        httpx.post(f"{address}/api/scan", headers={"X-API-Key": kova.key}, content=key),
        httpx.post(
            f"{address}/webhooks/github",
            content=b"{}",
            headers={"X-Hub-Signature-256": kova.github.webhook_secret},
        ),
        httpx.get(f"{address}/{key}"),
        kova.client.post("/api/scan", json={"repository": "octo/none"}),
    ]
    secrets = [
        secret,
        kova.key.split("_")[2],
        kova.github.webhook_secret,
        "m3trics-token",
        kova.github.private_key_pem.splitlines()[1],
        kova.environment["KOVA_DATABASE_URL"].split(":")[2].split("@")[0],
        database_template().split(":")[2].split("@")[0],
    ]
    output = kova.logs() + "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert len(kova.logs().splitlines()) > len(answers)
    assert [secret for secret in secrets if secret in output] == []
