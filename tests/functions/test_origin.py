"""The built functions behind a CDN: with the secret as before, without it refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest

from tests.functions.test_built import http_event, push, sign_event
from tests.support.moto import serve_aws
from tests.support.queues import depth

pytestmark = pytest.mark.built

ORIGIN = "o" * 40
NEXT = "n" * 40


def through(event: dict[str, Any], secret: str = ORIGIN) -> dict[str, Any]:
    """The event as the CDN passes it on."""
    return event | {"headers": {**event["headers"], "x-origin-verify": secret}}


def reason(answer: dict[str, Any]) -> tuple[int, str]:
    assert answer["headers"]["content-type"] == "application/problem+json"
    body = answer["body"]
    text = base64.b64decode(body) if answer["isBase64Encoded"] else body
    return answer["statusCode"], json.loads(text)["reason"]


def test_a_signed_delivery_to_the_direct_address_is_refused(
    run: Any, variables: dict[str, str]
) -> None:
    variables["KOVA_ORIGIN_SECRET"] = f"{ORIGIN},{NEXT}"
    with run("GithubWebhookFunction", variables) as webhook:
        signed = sign_event(push())
        for direct in (signed, through(signed, "x" * 40), through(signed, f"{ORIGIN},{NEXT}")):
            assert reason(webhook.invoke(direct)) == (403, "direct_address")
        broken = signed | {"body": "not base64!"}
        assert reason(webhook.invoke(broken)) == (403, "direct_address")
        assert depth(variables["KOVA_SCAN_QUEUE_URL"]) == 0
        for secret in (ORIGIN, NEXT):
            assert webhook.invoke(through(sign_event(push()), secret))["statusCode"] == 202
        unsigned = through(http_event("POST", "/webhooks/github", b"{}"))
        assert reason(webhook.invoke(unsigned)) == (401, "bad_signature")
        log = webhook.output()
    assert depth(variables["KOVA_SCAN_QUEUE_URL"]) == 2
    assert '"reason": "direct_address"' in log
    assert ORIGIN not in log


def test_health_is_refused_too(run: Any, variables: dict[str, str]) -> None:
    variables["KOVA_ORIGIN_SECRET"] = ORIGIN
    with run("HealthFunction", variables) as health:
        assert reason(health.invoke(http_event("GET", "/health"))) == (403, "direct_address")
        assert health.invoke(through(http_event("GET", "/health")))["statusCode"] == 200


def test_the_docs_function_reads_the_secret_and_does_not_start_without_it(
    run: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    page = http_event("GET", "/docs")
    with serve_aws() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        client = boto3.client("secretsmanager")
        text = json.dumps({"KOVA_ORIGIN_SECRET": ORIGIN})
        arn = client.create_secret(Name="origin", SecretString=text)["ARN"]
        aws = {key: value for key, value in variables.items() if key.startswith("AWS_")}
        named = aws | {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
            "KOVA_SECRETS_ARN": arn,
            "KOVA_CLIENT_ADDRESS_HEADER": "True-Client-IP",
        }
        with run("DocsFunction", named) as docs:
            assert reason(docs.invoke(page)) == (403, "direct_address")
            assert docs.invoke(through(page))["statusCode"] == 200
        client.put_secret_value(SecretId=arn, SecretString="{}")
        with run("DocsFunction", named) as docs:
            assert reason(docs.invoke(page)) == (503, "bad_settings")
            assert reason(docs.invoke(through(page))) == (503, "bad_settings")
        client.close()
