"""The document, its page, and the running server held against the document."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from kova_fakes.anthropic.server import serve_anthropic
from kova_fakes.openai.server import serve_openai
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.errors import insert_errors
from tests.support.queues import make_queue

EXAMPLES = 500 if os.environ.get("STRESS") else 5


@pytest.fixture(scope="module")
def kova(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kova]:
    origins = {"KOVA_CORS_ORIGINS": "https://app.example.com,http://localhost:3000"}
    queues = {"KOVA_FIX_QUEUE_URL": make_queue(), "KOVA_COMMAND_QUEUE_URL": make_queue()}
    with serve_openai() as openai, serve_anthropic() as anthropic:
        model = {
            "OPENAI_BASE_URL": openai.url,
            "OPENAI_API_KEY": openai.script.api_key,
            "ANTHROPIC_BASE_URL": anthropic.url,
            "ANTHROPIC_API_KEY": anthropic.script.api_key,
        }
        folder = tmp_path_factory.mktemp("openapi")
        with run_kova_with_github(folder, **origins, **queues, **model) as product:
            yield product


@pytest.mark.stress
def test_the_server_does_what_the_document_says(kova: Kova, tmp_path: Path) -> None:
    """Every check of schemathesis, with a key of all scopes; `make stress` has 500 examples."""
    insert_errors(kova.environment["KOVA_DATABASE_URL"], "octo/sample", 20)
    command = [
        *(str(Path(sys.executable).with_name("st")), "run", f"{kova.address}/openapi.json"),
        *("--checks", "all", "--max-examples", str(EXAMPLES), "--workers", "1"),
        *("--header", f"Authorization: Bearer {kova.key}"),
        # How long an answer takes on a busy machine is no question of this test.
        *("--request-timeout", "60", "--max-response-time", "60"),
        *("--suppress-health-check", "all", "--seed", "7", "--no-color"),
    ]
    process = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=3_000, check=False
    )
    assert process.returncode == 0, process.stdout[-15_000:] + process.stderr[-3_000:]
    assert "500" not in {
        json.loads(line).get("status") for line in kova.logs().splitlines() if line.startswith("{")
    }
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM scans").fetchone() is not None


def test_the_page_needs_nothing_from_outside(kova: Kova) -> None:
    page = httpx.get(f"{kova.address}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in re.sub(r"<!doctype html>", "", page.text)
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 4
    for asset in assets:
        answer = httpx.get(f"{kova.address}/{asset}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.content) > 50
    assert "'self'" in page.headers["content-security-policy"]
    assert "openapi.json" in httpx.get(f"{kova.address}/docs/start.js").text
    assert httpx.get(f"{kova.address}/docs/../../etc/passwd").status_code == 404
    assert httpx.get(f"{kova.address}/docs/main.py").status_code == 404


def test_one_document_covers_every_function(kova: Kova) -> None:
    document = httpx.get(f"{kova.address}/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    assert {"/health", "/metrics", "/api/scan", "/webhooks/github", "/docs"} <= set(
        document["paths"]
    )
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            if path.startswith("/api/"):
                assert operation["security"], where
                assert {"401", "403", "429", "503"} <= set(operation["responses"]), where
            if method == "post" and path.startswith("/api/"):
                assert "Idempotency-Key" in operation["description"], where


def preflight(kova: Kova, origin: str) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
    return httpx.options(f"{kova.address}/api/errors/x", headers=headers)


def test_named_origins_may_call_and_others_may_not(kova: Kova) -> None:
    allowed = preflight(kova, "https://app.example.com")
    assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
    assert allowed.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in preflight(kova, "https://evil.example.com").headers
    answer = kova.client.get("/api/scans", headers={"Origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "RateLimit" in answer.headers["access-control-expose-headers"]


def test_every_answer_has_its_security_headers(kova: Kova) -> None:
    for path in ("/health", "/api/scans", "/nothing", "/docs"):
        headers = kova.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "max-age" in headers["strict-transport-security"]
        assert "server" not in headers


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "text/plain"}, b"{}", 415),
        ({}, b"{}", 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"{}", 415),
        ({"content-type": "application/json"}, b'{"repository": NaN}', 400),
        ({"content-type": "application/json"}, b"[" * 300 + b"]" * 300, 400),
        ({"content-type": "application/json"}, b'{"repository": "\xff"}', 400),
        ({"content-type": "application/json"}, b"", 422),
    ],
)
def test_a_body_that_is_no_json_is_refused(
    kova: Kova, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = kova.client.post("/api/scan", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_method_that_is_not_there_is_told_with_those_that_are(kova: Kova) -> None:
    answer = kova.client.put("/api/errors/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH")


def test_the_bare_address_leads_to_signing_in(kova: Kova) -> None:
    answer = httpx.get(f"{kova.address}/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in?next=/")
    page = httpx.get(f"{kova.address}/", follow_redirects=True)
    assert (page.status_code, "kova sign-in" in page.text) == (200, True)
