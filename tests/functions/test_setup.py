"""The setup function as its Makefile builds it: API Gateway's events in, three secrets filled."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import httpx
import pytest

from kova.setup.session import new_token
from kova_fakes.github import FakeGitHub, serve_github
from tests.support.eventually import eventually
from tests.support.moto import serve_aws
from tests.support.setup import Browser

ROOT = Path(__file__).parents[2]
HOST = "abc.execute-api.us-east-1.amazonaws.com"
HOST_PROGRAM = """
import json, sys
import app
for line in sys.stdin:
    print(json.dumps(app.handler(json.loads(line), None)), flush=True)
"""


def event(
    method: str, path: str, *, form: dict[str, str] | None = None, cookies: dict[str, str]
) -> dict[str, Any]:
    """Return an event of API Gateway (payload version 2.0)."""
    parts = urlsplit(path)
    headers = {"host": HOST, "x-forwarded-proto": "https", "x-forwarded-port": "443"}
    body: dict[str, Any] = {}
    if form is not None:
        headers |= {
            "content-type": "application/x-www-form-urlencoded",
            "origin": f"https://{HOST}",
        }
        encoded = base64.b64encode(urlencode(form).encode()).decode()
        body = {"body": encoded, "isBase64Encoded": True}
    return {
        "version": "2.0",
        "routeKey": f"{method} {parts.path}",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "cookies": [f"{name}={text}" for name, text in cookies.items()],
        "headers": headers,
        "requestContext": {
            "domainName": HOST,
            "http": {"method": method, "path": parts.path, "sourceIp": "203.0.113.7"},
            "requestId": "r",
            "stage": "$default",
        },
        **body,
    }


class SetupFunction:
    """The built function in a process of its own, and the cookies that it set."""

    def __init__(self, artifacts: Path, variables: dict[str, str], log: Path) -> None:
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-c", HOST_PROGRAM],
                cwd=artifacts,
                env=os.environ | variables | {"AWS_LAMBDA_FUNCTION_NAME": "SetupFunction"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.log = log
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = event(method, path, form=form, cookies=self.cookies)
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:  # Metrics are lines of the standard output too.
            if '"statusCode"' in line:
                answer: dict[str, Any] = json.loads(line)
                for cookie in answer.get("cookies", []):
                    name, _, text = cookie.partition(";")[0].partition("=")
                    self.cookies[name] = text
                return answer
        raise AssertionError(self.log.read_text())

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serve_github() as fake:
        yield fake


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with serve_aws() as url:
        for name, text in {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, text)
        client = boto3.client("secretsmanager")
        yield client
        client.close()


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """The function's folder, as `sam build` has it made."""
    folder = tmp_path / "artifacts"
    folder.mkdir()
    subprocess.run(
        ["make", "-s", "-C", str(ROOT / "functions/setup"), "build-SetupFunction"],
        env=os.environ | {"ARTIFACTS_DIR": str(folder), "KOVA_PYTHON": sys.executable},
        check=True,
    )
    return folder


def test_the_function_makes_the_app_and_fills_each_secret(
    artifacts: Path, github: FakeGitHub, aws: Any, tmp_path: Path
) -> None:
    token = new_token()
    arns = {name: aws.create_secret(Name=name)["ARN"] for name in ("app", "client", "webhook")}
    setup_arn = aws.create_secret(
        Name="setup", SecretString=json.dumps({"KOVA_SETUP_TOKEN": token})
    )["ARN"]
    variables = {
        "KOVA_SECRETS_ARN": setup_arn,
        "KOVA_GITHUB_APP_SECRET_ARN": arns["app"],
        "KOVA_GITHUB_CLIENT_SECRET_ARN": arns["client"],
        "KOVA_WEBHOOK_SECRET_ARN": arns["webhook"],
        "KOVA_GITHUB_API_URL": github.url,
    }
    function = SetupFunction(artifacts, variables, tmp_path / "log")
    assert function.ask("GET", "/setup")["statusCode"] == 200
    wrong = function.ask("POST", "/setup/session", {"token": "wrong"})
    assert wrong["statusCode"] == 403
    opened = function.ask("POST", "/setup/session", {"token": token})
    assert opened["statusCode"] == 303
    assert "Secure" in opened["cookies"][0]
    stranger = SetupFunction(artifacts, variables, tmp_path / "stranger")
    assert stranger.ask("POST", "/setup/session", {"token": token})["statusCode"] == 404
    stranger.cookies = dict(function.cookies)  # Another environment, the same browser.

    form = stranger.ask("GET", "/setup")["body"]
    assert f'value="https://{HOST}"' in form
    fields = {"name": "On AWS", "organization": "acme", "public_address": f"https://{HOST}"}
    review = httpx.Response(
        200,
        text=stranger.ask("POST", "/setup/app", fields)["body"],
        request=httpx.Request("POST", f"https://{HOST}/setup/app"),
    )
    person = Browser(github.url)
    redirect = person.create_on_github(review).headers["location"]
    person.close()
    assert redirect.startswith(f"https://{HOST}/setup/callback?code=")
    done = function.ask("GET", redirect.removeprefix(f"https://{HOST}"))
    assert done["statusCode"] == 200, done
    assert f"{github.url}/apps/on-aws/installations/new" in unescape(done["body"])

    (app,) = github.state.apps
    stored = json.loads(aws.get_secret_value(SecretId="app")["SecretString"])
    assert stored["KOVA_GITHUB_APP_ID"] == str(app.id)
    assert "KOVA_GITHUB_CLIENT_SECRET" not in stored
    assert json.loads(aws.get_secret_value(SecretId="client")["SecretString"]) == {
        "KOVA_GITHUB_CLIENT_ID": app.client_id,
        "KOVA_GITHUB_CLIENT_SECRET": app.client_secret,
    }
    assert json.loads(aws.get_secret_value(SecretId="webhook")["SecretString"]) == {
        "KOVA_GITHUB_WEBHOOK_SECRET": app.webhook_secret
    }
    for environment in (function, stranger):
        assert environment.ask("GET", "/setup")["statusCode"] == 404
        assert environment.ask("GET", "/setup/setup.css")["statusCode"] == 200
        environment.end()
        log = environment.log.read_text()
        assert not re.search("|".join(map(re.escape, (token, app.webhook_secret))), log)
        assert "PRIVATE KEY" not in log


def test_without_a_token_there_is_no_setup(artifacts: Path, tmp_path: Path) -> None:
    function = SetupFunction(artifacts, {}, tmp_path / "log")
    assert function.ask("GET", "/setup")["statusCode"] == 404
    assert function.ask("POST", "/setup/session", {"token": ""})["statusCode"] == 404
    function.end()


def test_the_webhook_function_sees_a_secret_that_comes_later(aws: Any, tmp_path: Path) -> None:
    """An environment that was warm before the setup accepts what comes after it."""
    aws.create_secret(Name="later")
    variables = {
        "KOVA_SECRETS_ARN": "later",
        "KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:9/1/scan",
    }
    function = SetupFunction(ROOT / "functions/github_webhook", variables, tmp_path / "log")
    assert function.ask("POST", "/webhooks/github", {"payload": "{}"})["statusCode"] == 503
    aws.put_secret_value(SecretId="later", SecretString='{"KOVA_GITHUB_WEBHOOK_SECRET": "s"}')
    eventually(
        lambda: function.ask("POST", "/webhooks/github", {"payload": "{}"})["statusCode"] == 401,
        pause=0.5,
    )
    function.end()
