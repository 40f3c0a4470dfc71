"""Each function gets the settings that its entry in template.yaml names, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from kova_server.local_lambda.template import LambdaFunction, read_stack, read_template
from kova_server.local_lambda.variables import (
    SECRET_MEMBERS,
    UnknownSecretError,
    function_variables,
    stack_settings,
    template_parameters,
)
from tests.local_lambda.conftest import small_function

BUILD = Path("build")
STACK = read_stack(Path("template.yaml"))
SETTINGS = stack_settings(
    {
        "KOVA_ENV": "local",
        "KOVA_DATABASE_URL": "postgresql://kova:data%40pass@127.0.0.1:5432/kova",
        "KOVA_REDIS_URL": "redis://:redis-pass@127.0.0.1:6379/0",
        "KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:1/000000000000/kova-scan",
        "KOVA_GITHUB_API_URL": "http://127.0.0.1:2",
        "KOVA_GITHUB_APP_ID": "1",
        "KOVA_GITHUB_PRIVATE_KEY": "private-key",
        "KOVA_GITHUB_CLIENT_ID": "client-id",
        "KOVA_GITHUB_CLIENT_SECRET": "client-secret",
        "KOVA_GITHUB_WEBHOOK_SECRET": "webhook-secret",
        "KOVA_GITHUB_APP_FILE": "/data/github-app.env",
        "KOVA_SECRETS_KEY": "hash-key",
        "KOVA_SIGNING_KEY": "signing-key",
        "KOVA_METRICS_TOKEN": "metrics-token",
        "KOVA_SETUP_TOKEN": "setup-token",
        "KOVA_API_KEY": "api-key",
        "OPENAI_API_KEY": "openai-key",
        "SLACK_BOT_TOKEN": "slack-token",
        "SLACK_SIGNING_SECRET": "slack-signing",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1",
        "PATH": "/somewhere",
    }
)
SECRETS = {
    "data@pass": "KOVA_DATABASE_PASSWORD",
    "redis-pass": "KOVA_REDIS_PASSWORD",
    "private-key": "KOVA_GITHUB_PRIVATE_KEY",
    "client-secret": "KOVA_GITHUB_CLIENT_SECRET",
    "webhook-secret": "KOVA_GITHUB_WEBHOOK_SECRET",
    "/data/github-app.env": "KOVA_GITHUB_APP_FILE",
    "hash-key": "KOVA_SECRETS_KEY",
    "signing-key": "KOVA_SIGNING_KEY",
    "metrics-token": "KOVA_METRICS_TOKEN",
    "setup-token": "KOVA_SETUP_TOKEN",
    "api-key": "KOVA_API_KEY",
    "openai-key": "OPENAI_API_KEY",
    "slack-token": "SLACK_BOT_TOKEN",
    "slack-signing": "SLACK_SIGNING_SECRET",
}
DATA = {"data@pass", "redis-pass"}
SIGNED = {*DATA, "signing-key"}
CHAT = {"slack-token", "slack-signing"}
READABLE = {
    "MigrateFunction": {"data@pass"},
    "KeysFunction": {"data@pass"},
    "HealthFunction": {*DATA, "private-key"},
    "MetricsFunction": {*SIGNED, "metrics-token"},
    "ApiFunction": {*SIGNED, "private-key"},
    "AuthFunction": {*SIGNED, "client-secret"},
    "DashboardFunction": {*SIGNED, "private-key", "client-secret", "openai-key"},
    "ReportsFunction": {*SIGNED, "client-secret"},
    "DocsFunction": set(),
    "GithubWebhookFunction": {"webhook-secret"},
    "SlackFunction": CHAT,
    "SetupFunction": {"setup-token", "/data/github-app.env"},
    "ScanFunction": {*DATA, "private-key", "hash-key"},
    "AiCommandFunction": {*SIGNED, "private-key", "openai-key"},
    "CommandFunction": {*SIGNED, *CHAT, "private-key", "openai-key"},
    "FixFunction": {*DATA, "private-key"},
    "PeriodicFunction": {*DATA, "private-key"},
    "NotifyFunction": {*DATA, *CHAT},
    "RedeliveryFunction": {*DATA, "private-key"},
}


def test_every_function_reads_its_own_secrets_alone() -> None:
    readable = {}
    for name, function in STACK.functions.items():
        variables = function_variables(function, SETTINGS, BUILD)
        text = "\n".join(variables.values())
        readable[name] = {secret for secret in SECRETS if secret in text}
        assert "PATH" not in variables
    assert readable == READABLE


def test_the_rest_is_what_the_template_says() -> None:
    variables = function_variables(STACK.functions["ScanFunction"], SETTINGS, BUILD)
    assert variables["KOVA_ENV"] == "local"
    assert variables["KOVA_DATABASE_URL"] == "postgresql://kova@127.0.0.1:5432/kova"
    assert variables["KOVA_REDIS_URL"] == "redis://127.0.0.1:6379/0"
    assert variables["KOVA_DATABASE_POOL"] == "2"  # Nobody set it: the template's own.
    assert variables["KOVA_ANALYZERS_BIN"] == str(BUILD / "AnalyzersLayer" / "bin")
    assert variables["AWS_ENDPOINT_URL_SQS"] == "http://127.0.0.1:1"
    assert "KOVA_REDIS_URL" not in function_variables(
        STACK.functions["SetupFunction"], SETTINGS, BUILD
    )


@pytest.mark.parametrize(
    ("address", "bare", "password"),
    [
        (
            "postgresql://u:p%2Fw@h:1/d?sslmode=require",
            "postgresql://u@h:1/d?sslmode=require",
            "p/w",
        ),
        ("postgresql://u@h/d?password=secret", "postgresql://u@h/d", "secret"),
        ("postgresql://u%40x:p@[::1]:5/d", "postgresql://u%40x@[::1]:5/d", "p"),
        ("postgresql://u@h/d", "postgresql://u@h/d", None),
    ],
)
def test_an_address_has_no_password(address: str, bare: str, password: str | None) -> None:
    settings = stack_settings({"KOVA_DATABASE_URL": address})
    assert settings["KOVA_DATABASE_URL"] == bare
    assert settings.get("KOVA_DATABASE_PASSWORD") == password


def test_every_secret_of_the_stack_is_known() -> None:
    outputs = read_template(Path("deploy/aws/secrets.yaml"))["Outputs"]
    secrets = {name for name in outputs if name.endswith("Arn")}
    assert secrets - {"AdminKeyArn"} == set(SECRET_MEMBERS)  # `kova up` makes the first key itself.


def test_a_secret_that_is_not_known_is_said() -> None:
    arn = "${SecretsStack.Outputs.OtherArn}"
    function = small_function("SmallFunction")
    changed = LambdaFunction(**{**function.__dict__, "variables": {"KOVA_SECRETS_ARN": arn}})
    with pytest.raises(UnknownSecretError, match="OtherArn"):
        function_variables(changed, SETTINGS, BUILD)


def test_behind_a_cdn_what_answers_http_gets_its_secret() -> None:
    settings = {**SETTINGS, "KOVA_ORIGIN_SECRET": "o" * 40}
    stack = read_stack(Path("template.yaml"), template_parameters(settings))
    readers = {
        name
        for name, function in stack.functions.items()
        if "KOVA_ORIGIN_SECRET" in function_variables(function, settings, BUILD)
    }
    assert readers == {route.function for route in stack.routes}
    for name in readers:
        variables = function_variables(stack.functions[name], settings, BUILD)
        assert variables["KOVA_CLIENT_ADDRESS_HEADER"] == "True-Client-IP"
