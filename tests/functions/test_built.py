"""The built functions answer the events of API Gateway and SQS."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import psycopg
import pytest

from kova.access.api_key import Scope
from kova_fakes.anthropic.server import serve_anthropic
from kova_fakes.github import serve_github
from kova_fakes.openai.server import serve_openai
from kova_server.keys import create_key
from tests.functions.conftest import SECRET, Function
from tests.support.queues import depth, make_queue
from tests.support.services import services_in_force

pytestmark = pytest.mark.built

BAD = b"def f(x):\n    return x is 'a'\n"
SDKS = ("openai", "anthropic")
HEAVY = ("fastapi", "pydantic", "psycopg", "libcst", "httpx")


def http_event(
    method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """An event of an HTTP API, payload version 2.0.

    See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "api.example.com", **(headers or {})},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": f"{method} {path}",
            "stage": "$default",
            "time": "24/Nov/2026:12:00:00 +0000",
            "timeEpoch": round(time.time() * 1000),
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def sign_event(payload: dict[str, Any], *, form: bool = False) -> dict[str, Any]:
    """The event of a webhook as GitHub signs it."""
    body = json.dumps(payload).encode()
    kind = "application/json"
    if form:
        body = urlencode({"payload": body}).encode()
        kind = "application/x-www-form-urlencoded"
    headers = {
        "content-type": kind,
        "x-github-event": "push",
        "x-github-delivery": str(uuid.uuid4()),
        "x-hub-signature-256": "sha256=" + hmac.digest(SECRET.encode(), body, "sha256").hex(),
    }
    return http_event("POST", "/webhooks/github", body, headers)


def push(name: str = "octo/sample", sha: str = "a" * 40) -> dict[str, Any]:
    owner = name.partition("/")[0]
    return {
        "ref": "refs/heads/main",
        "before": "0" * 40,
        "after": sha,
        "deleted": False,
        "installation": {"id": 1},
        "repository": {
            "id": 7,
            "full_name": name,
            "default_branch": "main",
            "private": False,
            "owner": {"login": owner},
        },
    }


def sqs_event(*bodies: str) -> dict[str, Any]:
    """See https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    return {
        "Records": [
            {
                "messageId": str(uuid.uuid4()),
                "receiptHandle": str(uuid.uuid4()),
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(round(time.time() * 1000)),
                    "SenderId": "AIDAEXAMPLE",
                    "ApproximateFirstReceiveTimestamp": str(round(time.time() * 1000)),
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:kova-scan",
                "awsRegion": "us-east-1",
            }
            for body in bodies
        ]
    }


def test_health_answers_with_every_dependency_and_again(
    run: Any, variables: dict[str, str]
) -> None:
    with run("HealthFunction", variables) as health:
        for _ in range(2):  # A warm environment keeps its pool and its loop.
            answer = health.invoke(http_event("GET", "/health"))
            assert answer["statusCode"] == 200, answer
            checks = json.loads(answer["body"])["checks"]
            assert {name: check["status"] for name, check in checks.items()} == {
                "database": "ok",
                "redis": "ok",
                "queue": "ok",
            }
            assert answer["headers"]["x-request-id"]


def test_health_says_which_dependency_is_down(run: Any, variables: dict[str, str]) -> None:
    variables["KOVA_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/none"
    with run("HealthFunction", variables) as health:
        answer = health.invoke(http_event("GET", "/health"))
    assert answer["statusCode"] == 503
    checks = json.loads(answer["body"])["checks"]
    assert checks["database"]["status"] != "ok"
    assert checks["redis"]["status"] == checks["queue"]["status"] == "ok"


def test_metrics_are_told_and_flushed_and_written_for_cloudwatch(
    run: Any, variables: dict[str, str]
) -> None:
    variables["KOVA_METRICS_TOKEN"] = "token"
    with run("MetricsFunction", variables) as metrics:
        bearer = {"authorization": "Bearer token"}
        for _ in range(2):
            answer = metrics.invoke(http_event("GET", "/metrics", headers=bearer))
            assert answer["statusCode"] == 200, answer
        assert 'route="/metrics"' in answer["body"]
        assert "kova_metrics_common 1.0" in answer["body"]
        refused = metrics.invoke(http_event("GET", "/metrics"))
        assert refused["statusCode"] == 401
        lines = [line for line in metrics.output().splitlines() if '"_aws"' in line]
    emf = json.loads(lines[0])
    (directive,) = emf["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Kova"
    names = {metric["Name"] for metric in directive["Metrics"]}
    assert names & {"kova_http_requests_total", "kova_http_request_duration_seconds_sum"}


def test_the_document_and_its_page_need_no_setting(run: Any, variables: dict[str, str]) -> None:
    services_in_force()
    aws = {key: value for key, value in variables.items() if key.startswith("AWS_")}
    with run("DocsFunction", aws) as docs:
        document = docs.invoke(http_event("GET", "/openapi.json"))
        assert json.loads(document["body"])["openapi"].startswith("3.1")
        page = docs.invoke(http_event("GET", "/docs"))
        assert "swagger-ui-bundle.js" in page["body"]
        script = docs.invoke(http_event("GET", "/docs/swagger-ui-bundle.js"))
        assert (script["statusCode"], len(script["body"]) > 1_000_000) == (200, True)
        assert docs.invoke(http_event("GET", "/docs/other"))["statusCode"] == 404


def test_a_signed_push_is_queued_in_both_encodings(run: Any, variables: dict[str, str]) -> None:
    with run("GithubWebhookFunction", variables) as webhook:
        for form in (False, True):
            answer = webhook.invoke(sign_event(push(), form=form))
            assert answer["statusCode"] == 202, answer
            assert json.loads(answer["body"])["status"] == "queued"
    assert depth(variables["KOVA_SCAN_QUEUE_URL"]) == 2


def test_a_push_signed_with_another_secret_is_refused(run: Any, variables: dict[str, str]) -> None:
    event = sign_event(push())
    variables["KOVA_GITHUB_WEBHOOK_SECRET"] = "another"
    with run("GithubWebhookFunction", variables) as webhook:
        answer = webhook.invoke(event)
        unsigned = webhook.invoke(http_event("POST", "/webhooks/github", b"{}"))
    assert answer["statusCode"] == unsigned["statusCode"] == 401
    assert json.loads(answer["body"])["reason"]
    assert depth(variables["KOVA_SCAN_QUEUE_URL"]) == 0


def test_intake_works_while_database_and_redis_are_down(
    run: Any, variables: dict[str, str]
) -> None:
    del variables["KOVA_DATABASE_URL"], variables["KOVA_REDIS_URL"]
    with run("GithubWebhookFunction", variables) as webhook:
        assert webhook.invoke(sign_event(push()))["statusCode"] == 202


def test_intake_imports_nothing_heavy(run: Any, variables: dict[str, str]) -> None:
    with run("GithubWebhookFunction", variables | {"PYTHONVERBOSE": "1"}) as webhook:
        assert webhook.invoke(sign_event(push()))["statusCode"] == 202
        imported = webhook.output()
    assert "import 'kova.intake.accept_delivery'" in imported
    assert [name for name in HEAVY if f"import '{name}'" in imported] == []


def test_intake_is_compiled_ahead(build_folder: Path) -> None:
    cached = (build_folder / "CommonLayer" / "python" / "kova").rglob("*.pyc")
    flags = {int.from_bytes(path.read_bytes()[4:8], "little") for path in cached}
    assert flags == {1}  # PEP 552: hash-based and unchecked, whatever the files' times are.


def test_the_api_wants_a_key(run: Any, variables: dict[str, str]) -> None:
    with run("ApiFunction", variables) as api:
        answer = api.invoke(http_event("GET", "/api/scans"))
    assert answer["statusCode"] == 401
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_an_sqs_event_becomes_one_check_run_and_one_pull_request(
    run: Any, variables: dict[str, str]
) -> None:
    with serve_github() as github:
        variables |= {
            "KOVA_GITHUB_API_URL": github.url,
            "KOVA_GITHUB_APP_ID": github.app_id,
            "KOVA_GITHUB_PRIVATE_KEY": github.private_key_pem,
        }
        sha = github.state.create_repository("octo/sample", files={"a.py": BAD})
        with run("GithubWebhookFunction", variables) as webhook:
            event = sign_event(github.push_event("octo/sample"))
            assert webhook.invoke(event)["statusCode"] == 202
        message = _receive_body(variables["KOVA_SCAN_QUEUE_URL"])
        with run("ScanFunction", variables) as scan:
            for _ in range(2):  # SQS may deliver a message twice.
                _check_done(scan, message)
        (check_run,) = github.state.check_runs("octo/sample")
        assert (check_run["head_sha"], check_run["conclusion"]) == (sha, "failure")
        assert len(github.state.pulls("octo/sample")) == 1


def _receive_body(queue_url: str) -> str:
    client = boto3.client("sqs")
    (message,) = client.receive_message(QueueUrl=queue_url)["Messages"]
    client.close()
    return message["Body"]


def _check_done(scan: Function, message: str) -> None:
    assert scan.invoke(sqs_event(message)) == {"batchItemFailures": []}


def test_a_message_that_is_none_ends_in_the_dead_letters_with_its_reason(
    run: Any, variables: dict[str, str]
) -> None:
    variables |= {"KOVA_GITHUB_API_URL": "http://127.0.0.1:9", "KOVA_GITHUB_TOKEN": "t"}
    with run("ScanFunction", variables) as scan:
        event = sqs_event("garbage")
        event["Records"][0]["receiptHandle"] = _receive_handle(
            variables["KOVA_SCAN_QUEUE_URL"], "garbage"
        )
        assert scan.invoke(event) == {"batchItemFailures": []}
    assert depth(variables["KOVA_SCAN_QUEUE_URL"]) == 0
    client = boto3.client("sqs")
    (dead,) = client.receive_message(
        QueueUrl=variables["KOVA_SCAN_QUEUE_URL"] + "-dlq", MessageAttributeNames=["All"]
    )["Messages"]
    client.close()
    assert dead["Body"] == "garbage"
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "malformed_message"


def _receive_handle(queue_url: str, body: str) -> str:
    client = boto3.client("sqs")
    client.send_message(QueueUrl=queue_url, MessageBody=body)
    (message,) = client.receive_message(QueueUrl=queue_url)["Messages"]
    client.close()
    return message["ReceiptHandle"]


def test_the_built_ai_command_answers_through_both_providers_and_loads_each_alone(
    run: Any, variables: dict[str, str]
) -> None:
    key = asyncio.run(create_key(variables, "test", [Scope.AI]))
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with serve_openai() as gpt, serve_anthropic() as claude:
        variables |= {
            "OPENAI_API_KEY": gpt.script.api_key,
            "OPENAI_BASE_URL": gpt.url,
            "ANTHROPIC_API_KEY": claude.script.api_key,
            "ANTHROPIC_BASE_URL": claude.url,
            "PYTHONVERBOSE": "1",
        }
        with run("AiCommandFunction", variables) as ai:
            refused = ai.invoke(http_event("POST", "/ai/command", b"{}", headers))
            assert refused["statusCode"] == 422
            assert [name for name in SDKS if f"import '{name}'" in ai.output()] == []
            for task, provider in (("analyze", "openai"), ("review", "anthropic")):
                body = json.dumps({"command": "look", "task": task, "code": "x = 1"}).encode()
                answer = ai.invoke(http_event("POST", "/ai/command", body, headers))
                assert answer["statusCode"] == 200, answer
                document = json.loads(answer["body"])
                assert (document["provider"], document["fallback"]) == (provider, False)
                assert document["citations"]
                loaded = [name for name in SDKS if f"import '{name}'" in ai.output()]
                assert loaded == list(SDKS[: 1 if task == "analyze" else 2])


def test_the_built_command_worker_answers_what_was_queued(
    run: Any, variables: dict[str, str]
) -> None:
    key = asyncio.run(create_key(variables, "test", [Scope.AI]))
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "prefer": "respond-async",
    }
    with serve_anthropic() as claude:
        variables |= {
            "KOVA_COMMAND_QUEUE_URL": make_queue(),
            "ANTHROPIC_API_KEY": claude.script.api_key,
            "ANTHROPIC_BASE_URL": claude.url,
        }
        with run("AiCommandFunction", variables) as ai:
            event = http_event("POST", "/ai/command", b'{"command": "why?"}', headers)
            queued = ai.invoke(event)
            assert queued["statusCode"] == 202, queued
            with run("CommandFunction", variables) as worker:
                message = _receive_body(variables["KOVA_COMMAND_QUEUE_URL"])
                _check_done(worker, message)
            shown = ai.invoke(http_event("GET", queued["headers"]["location"], b"", headers))
        assert json.loads(shown["body"])["outcome"] == "ok"


def test_a_schedule_has_the_periodic_tasks_done(run: Any, variables: dict[str, str]) -> None:
    url = variables["KOVA_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ai_reservations (month, scopes, amount_usd, expires_at)"
            " VALUES (date_trunc('month', now())::date, '{all}', 1, now() - interval '2 days')"
        )
        with run("PeriodicFunction", variables) as periodic:
            assert periodic.invoke({"version": "0", "source": "aws.scheduler"}) == {}
        (count,) = connection.execute("SELECT count(*) FROM ai_reservations").fetchone() or (None,)
    assert count == 0
