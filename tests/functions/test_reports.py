"""functions/reports as API Gateway calls it: with the data and Google's client, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import functions.reports.app
from kova.access.sign_in import LOCAL_OWNER
from kova.bootstrap.core import Core
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings
from kova_fakes.google import FakeGoogle, serve_google
from kova_fakes.google.tokens import GoogleAccount
from tests.functions.test_parts import list_capabilities
from tests.support.errors import insert_errors
from tests.support.services import services_in_force

PUBLIC = "https://kova.example.com"
# The process of a function: its events come in on lines, its answers go out on lines.
PROGRAM = """
import json, sys
from functions.reports.app import handler
for line in sys.stdin:
    print(json.dumps(handler(json.loads(line), None)), flush=True)
    assert not {"openai", "anthropic", "boto3", "kova.adapters.github"} & set(sys.modules)
"""


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with serve_google() as fake:
        fake.redirect_uris = [f"{PUBLIC}/ui/reports/google/callback"]
        fake.account = GoogleAccount(address="ann@example.com")
        yield fake


@pytest.fixture
def variables(google: FakeGoogle, database_url: str) -> dict[str, str]:
    insert_errors(database_url, "octo/sample", 40)
    return {
        "KOVA_ENV": "local",
        "KOVA_DATABASE_URL": database_url,
        "KOVA_REDIS_URL": services_in_force()["KOVA_REDIS_URL"],
        "KOVA_PUBLIC_URL": PUBLIC,
        "GOOGLE_CLIENT_ID": google.client_id,
        "GOOGLE_CLIENT_SECRET": google.client_secret,
        "KOVA_GOOGLE_ISSUER": google.url,
        "KOVA_GOOGLE_SHEETS_URL": google.url,
    }


async def sign_in(variables: dict[str, str]) -> str:
    core = Core(load_settings(variables))
    opened = await PeopleRoot(core).sign_in.begin(LOCAL_OWNER, "a test")
    await core.close()
    return opened.token


def event(address: str, token: str) -> dict[str, Any]:
    path, _, query = address.partition("?")
    return {
        "version": "2.0",
        "routeKey": "GET /ui/reports/{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": [f"__Host-kova={token}"],
        "headers": {"host": "kova.example.com", "x-forwarded-proto": "https"},
        "requestContext": {
            "domainName": "kova.example.com",
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
            },
            "requestId": "r",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


def test_an_export_goes_to_google_and_back(google: FakeGoogle, variables: dict[str, str]) -> None:
    token = asyncio.run(sign_in(variables))
    environment = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def get(address: str, status: int) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(event(address, token)) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            assert answer["statusCode"] == status, answer["body"][:500]
            return answer

        file = get("/ui/reports/errors.csv?status=open", 200)
        assert file["isBase64Encoded"] is False  # Base64 would take a third of the room.
        assert file["body"].count("octo/sample") == 40
        begun = get("/ui/reports/google?status=open", 303)
        consent = httpx.get(begun["headers"]["location"])
        back = httpx.URL(consent.headers["location"])
        assert str(back).startswith(PUBLIC)
        done = get(f"{back.path}?{back.query.decode()}", 303)
        page = get(done["headers"]["location"], 200)
        (sheet,) = google.sheets.files
        assert f"https://docs.google.com/spreadsheets/d/{sheet.id}" in page["body"]
        assert len(sheet.sheets[0].values()) == 41
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_the_function_has_the_roots_that_its_routes_ask_for() -> None:
    asked_for = {
        name
        for router in functions.reports.app.ROUTERS
        for route in router.routes
        for name in list_capabilities(route.dependant)  # type: ignore[attr-defined]
    }
    assert asked_for == functions.reports.app.ROOTS.keys()
