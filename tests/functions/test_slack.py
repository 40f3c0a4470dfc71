"""functions/slack as API Gateway calls it, with a real queue, and the server's route beside it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

import functions.slack.app
from kova.adapters.sqs import sqs_client
from kova.adapters.sqs_consumer import SqsConsumer
from kova.bootstrap.settings import load_settings
from kova.commands.chat_message import decode_chat_job
from kova_fakes.slack import FakeSlackApi, serve_slack_api
from kova_server.application import application
from tests.support.queues import make_queue
from tests.support.services import services_in_force

SECRET = "a-signing-secret-of-slack"
ID = "11111111-1111-1111-1111-111111111111"
Answer = tuple[int, str]
Send = Callable[..., Answer]
QUESTION = {
    "type": "block_actions",
    "user": {"id": "U1", "team_id": "T1"},
    "container": {"channel_id": "C1", "message_ts": "1.2"},
    "actions": [{"action_id": "kova_ignore", "value": ID}],
}


def signed_headers(body: str, timestamp: str | None = None) -> dict[str, str]:
    moment = timestamp or str(int(time.time()))
    digest = hmac.new(SECRET.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": moment,
        "x-slack-signature": f"v0={digest}",
    }


@pytest.fixture
def slack() -> Any:
    with serve_slack_api() as fake:
        yield fake


@pytest.fixture
def settings(slack: FakeSlackApi, database_url: str) -> dict[str, str]:
    return {
        **services_in_force(),
        "KOVA_ENV": "local",
        "KOVA_DATABASE_URL": database_url,
        "KOVA_SCAN_QUEUE_URL": make_queue(),
        "KOVA_COMMAND_QUEUE_URL": make_queue(),
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_BOT_TOKEN": slack.token,
        "KOVA_SLACK_API_URL": slack.url,
    }


@pytest.fixture(params=["function", "server"])
def send(
    request: pytest.FixtureRequest, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Send:
    """Send a body as Slack does, and return the status and the body of the answer."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    if request.param == "function":
        monkeypatch.setattr(
            functions.slack.app,
            "_function",
            lambda: functions.slack.app._build(settings),
        )
        return send_to_function
    client = TestClient(application(load_settings(settings)), raise_server_exceptions=False)

    def send_to_server(body: str, headers: dict[str, str]) -> Answer:
        answer = client.post("/webhooks/slack", content=body, headers=headers)
        return answer.status_code, answer.text

    return send_to_server


def send_to_function(body: str, headers: dict[str, str]) -> Answer:
    event = {"rawPath": "/webhooks/slack", "headers": headers, "body": body}
    answer = functions.slack.app.handler(event, None)
    return answer["statusCode"], answer["body"]


def command(text: str = "scan octo/sample") -> str:
    return urlencode(
        {"command": "/kova", "text": text, "team_id": "T1", "user_id": "U1", "channel_id": "C1",
         "trigger_id": "1.2.a", "response_url": "https://hooks.slack.com/commands/T1/1/a"}
    )  # fmt: skip


def test_a_command_is_in_the_queue_when_it_is_answered(
    send: Send, settings: dict[str, str]
) -> None:
    status, text = send(command(), signed_headers(command()))
    assert (status, json.loads(text)["text"]) == (200, "I am on it.")
    consumer = SqsConsumer(sqs_client(waits=True), settings["KOVA_COMMAND_QUEUE_URL"])
    (message,) = consumer.receive(limit=1, visibility=10)
    assert decode_chat_job(message.body).text == "scan octo/sample"


def test_what_is_not_slacks_is_refused(send: Send) -> None:
    old = str(int(time.time()) - 301)
    for headers in (
        {},
        signed_headers(command() + "x"),
        signed_headers(command(), old),
        {**signed_headers(command()), "x-slack-request-timestamp": "soon"},
    ):
        assert send(command(), headers)[0] == 401


def test_what_is_none_of_kovas_is_answered_with_200(send: Send) -> None:
    for body in ("", "payload=%ff", "x=1", "payload={}"):
        assert send(body, signed_headers(body)) == (200, "")


def test_a_dialog_is_open_when_the_button_is_answered(send: Send, slack: FakeSlackApi) -> None:
    payload = {**QUESTION, "trigger_id": slack.trigger("1.2.b")}
    body = urlencode({"payload": json.dumps(payload)})
    assert send(body, signed_headers(body)) == (200, "")
    (view,) = slack.views
    assert view["private_metadata"] == f"{ID} C1 1.2"


def test_a_dialog_that_cannot_be_opened_is_told_to_slack(send: Send) -> None:
    body = urlencode({"payload": json.dumps({**QUESTION, "trigger_id": "expired"})})
    assert send(body, signed_headers(body))[0] == 503


def test_without_a_secret_everything_is_refused(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del settings["SLACK_SIGNING_SECRET"]
    monkeypatch.setattr(
        functions.slack.app, "_function", lambda: functions.slack.app._build(settings)
    )
    assert send_to_function(command(), signed_headers(command()))[0] == 503


def test_it_starts_without_a_web_framework_a_database_and_an_http_client() -> None:
    import subprocess
    import sys

    code = (
        "import sys, functions.slack.app as app; from kova.adapters.slack import dialog, queue;"
        "print([n for n in ('fastapi', 'pydantic', 'httpx', 'psycopg', 'redis', 'zoneinfo')"
        " if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
