"""What a deployment does, by the built functions: migrate, make the first key, and more of them."""

from __future__ import annotations

import json
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

import boto3
import psycopg
import pytest

from kova.access.api_key import split_key
from tests.functions.conftest import Function
from tests.support.bucket import serve_bucket
from tests.support.kova_process import run_command
from tests.support.moto import serve_aws

pytestmark = pytest.mark.built
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/kova/1"


@pytest.fixture
def secrets_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty Secrets Manager, which boto3 uses too."""
    with serve_aws() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        yield url


def create_secret(value: dict[str, str]) -> str:
    client = boto3.client("secretsmanager")
    answer = client.create_secret(Name=uuid.uuid4().hex, SecretString=json.dumps(value))
    return str(answer["ARN"])


def read_secret(arn: str) -> dict[str, str]:
    text = boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    return dict(json.loads(text))


def event(url: str, kind: str = "Create") -> dict[str, str]:
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": STACK,
        "RequestId": "r",
        "LogicalResourceId": "Migration",
    }


def test_a_deployment_migrates_an_empty_database_and_makes_one_key(
    run: Any, variables: dict[str, str], empty_database_url: str, secrets_url: str
) -> None:
    arn = create_secret({})
    password = create_secret({"username": "postgres", "password": "unused where trust is the way"})
    variables |= {
        "KOVA_DATABASE_URL": empty_database_url,
        "KOVA_DATABASE_SECRET_ARN": password,
        "KOVA_ADMIN_KEY_SECRET_ARN": arn,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_url,
    }
    with serve_bucket() as bucket, run("MigrateFunction", variables) as migrate:
        for kind in ("Create", "Update"):
            migrate.invoke(event(bucket.url, kind))
        assert "KOVA_ADMIN_KEY" in read_secret(arn), bucket.answers
        plaintext = read_secret(arn)["KOVA_ADMIN_KEY"]
        migrate.invoke(event(bucket.url, "Delete"))
        log = migrate.output()
    parts = split_key(plaintext)
    assert parts is not None
    created, updated, deleted = bucket.answers
    assert created["Status"] == updated["Status"] == deleted["Status"] == "SUCCESS"
    assert created["Data"] == updated["Data"] == {"FirstKeyPrefix": parts[0]}
    assert parts[1] not in log + json.dumps(bucket.answers)
    with psycopg.connect(empty_database_url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM api_keys").fetchone() or (0,)
    assert count == 1


def test_a_deployment_that_cannot_migrate_says_so_to_the_stack(
    run: Any, variables: dict[str, str]
) -> None:
    variables["KOVA_DATABASE_URL"] = "postgresql://kova:hunter2@127.0.0.1:9/kova"
    with serve_bucket() as bucket, run("MigrateFunction", variables) as migrate:
        migrate.invoke(event(bucket.url))
        log = migrate.output()
    (answer,) = bucket.answers
    assert answer["Status"] == "FAILED"
    assert "database" in answer["Reason"]
    assert "hunter2" not in log + json.dumps(answer)


def test_keys_are_made_listed_and_revoked_by_the_command_line_through_the_stack(
    run: Any, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with run("KeysFunction", variables) as keys, serve_lambda(keys) as url:
        for name in ("CLOUDFORMATION", "LAMBDA"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", url)
        assert ask("create", "ci", "--scope", "read", "--stack", "kova").startswith("kova_")
        listed = ask("list", "--stack", "kova")
        prefix = listed.splitlines()[1].split()[0]
        assert ask("revoke", prefix, "--stack", "kova") == "Revoked."
        refusals = [
            refuse("revoke", "nonesuch", "--stack", "kova"),
            refuse("create", " ", "--scope", "read", "--stack", "kova"),
            refuse("list", "--stack", "other"),
            refuse("list", "--stack", "kova", "--data", "."),
        ]
    assert "ci" in listed
    assert [len(refusal.splitlines()) for refusal in refusals] == [1, 1, 1, 1]
    assert "1 to 100 characters" in refusals[1]
    assert "does not exist" in refusals[2]
    assert "exclude each other" in refusals[3]


def ask(*arguments: str) -> str:
    process = _kova_keys(*arguments)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def refuse(*arguments: str) -> str:
    process = _kova_keys(*arguments)
    assert (process.returncode, process.stdout) == (2, "")
    return process.stderr


def _kova_keys(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("keys", *arguments)


class _Aws(BaseHTTPRequestHandler):
    """CloudFormation and Lambda as far as `kova keys --stack` speaks to them."""

    function: Function

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = unquote(self.path)
        if path == "/2015-03-31/functions/kova-Keys/invocations":
            self._send(200, json.dumps(self.function.invoke(json.loads(body))))
            return
        query = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        expected = {"Action": "DescribeStackResource", "LogicalResourceId": "KeysFunction"}
        if {name: query.get(name) for name in expected} != expected:
            self._send(400, "")
        elif query["StackName"] != "kova":
            error = "<Code>ValidationError</Code><Message>Stack does not exist</Message>"
            self._send(400, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>")
        else:
            detail = "<PhysicalResourceId>kova-Keys</PhysicalResourceId>"
            self._send(
                200,
                "<DescribeStackResourceResponse><DescribeStackResourceResult>"
                f"<StackResourceDetail>{detail}</StackResourceDetail>"
                "</DescribeStackResourceResult></DescribeStackResourceResponse>",
            )

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def serve_lambda(function: Function) -> Iterator[str]:
    """Serve a running function as AWS serves it; gives the address."""
    handler = type("Aws", (_Aws,), {"function": function})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
