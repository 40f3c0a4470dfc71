"""Which of the stack's settings each function gets: those that its entry in template.yaml names.

On AWS a function reads secrets, and its role says which; here their members are variables, and a
function gets those of the secrets that it may read, and no others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from kova.shared.exceptions import NotConfiguredError
from kova_server.local_lambda.template import LambdaFunction

SECRET_MEMBERS: Final = {
    "WebhookArn": ("KOVA_GITHUB_WEBHOOK_SECRET",),
    "GithubArn": (
        *("KOVA_GITHUB_APP_ID", "KOVA_GITHUB_PRIVATE_KEY", "KOVA_GITHUB_TOKEN"),
        "KOVA_GITHUB_APP_SLUG",
    ),
    "GithubClientArn": ("KOVA_GITHUB_CLIENT_ID", "KOVA_GITHUB_CLIENT_SECRET"),
    "ModelsArn": (
        *("OPENAI_API_KEY", "OPENAI_BASE_URL", "KOVA_OPENAI_MODEL"),
        *("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "KOVA_ANTHROPIC_MODEL"),
        *("PINECONE_API_KEY", "PINECONE_HOST", "KOVA_PINECONE_INDEX"),
        *("KOVA_EMBEDDING_MODEL", "KOVA_MODEL_PRICES", "KOVA_MONTHLY_BUDGET_USD"),
    ),
    "HashArn": ("KOVA_SECRETS_KEY",),
    "SigningArn": ("KOVA_SIGNING_KEY",),
    "MetricsArn": ("KOVA_METRICS_TOKEN",),
    "SetupArn": ("KOVA_SETUP_TOKEN",),
    "SignInArn": (
        *("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
        *("KOVA_GOOGLE_ISSUER", "KOVA_GOOGLE_SHEETS_URL"),
    ),
    "ChatArn": (
        *("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "KOVA_SLACK_CHANNEL"),
        *("KOVA_SLACK_API_URL", "KOVA_GOOGLE_CHAT_WEBHOOK_URL"),
    ),
    "CacheArn": ("KOVA_REDIS_PASSWORD",),
    "OriginArn": ("KOVA_ORIGIN_SECRET",),
}
"""The settings in each secret of deploy/aws/secrets.yaml, by the name of its output.

Addresses of stand-ins go the same way: who has the key of a service needs to know where it is.
"""

_SECRETS: Final = "KOVA_SECRETS_ARN"
_DATABASE_SECRET: Final = "KOVA_DATABASE_SECRET_ARN"  # noqa: S105 (a name)
_DATABASE_MEMBERS: Final = ("KOVA_DATABASE_USER", "KOVA_DATABASE_PASSWORD")
# /setup stores the App in a file here, not in two secrets.
_APP_SECRET: Final = "KOVA_GITHUB_APP_SECRET_ARN"  # noqa: S105 (a name)
_APP_MEMBERS: Final = ("KOVA_GITHUB_APP_FILE", "KOVA_GITHUB_WEB_URL")
# What Lambda, or a person who looks for a fault, gives to every function.
_SHARED: Final = (
    *("AWS_ENDPOINT_URL_SQS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "KOVA_LOG_LEVEL"),
)
_REFERENCE: Final = re.compile(r"\$\{SecretsStack\.Outputs\.(\w+)\}")
_OPT: Final = "/opt/"


class UnknownSecretError(NotConfiguredError):
    """A function names a secret whose members are not known here."""

    reason = "unknown_secret"


def stack_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return settings as the functions of a deployed stack have them: no password in an address."""
    settings = dict(variables)
    for name, members in {
        "KOVA_DATABASE_URL": _DATABASE_MEMBERS,
        "KOVA_DATABASE_READ_URL": _DATABASE_MEMBERS,
        "KOVA_REDIS_URL": (None, "KOVA_REDIS_PASSWORD"),
    }.items():
        if settings.get(name):
            address, user, password = _split_address(settings[name])
            settings[name] = address
            pairs = zip(members, (user, password), strict=True)
            settings |= {member: text for member, text in pairs if member and text}
    return settings


def function_variables(
    function: LambdaFunction, settings: Mapping[str, str], folder: Path
) -> dict[str, str]:
    """Return a function's variables.

    Args:
        function: as the template describes it.
        settings: of the stack, without passwords in addresses.
        folder: the build's; a path below /opt becomes that of a layer there.

    Raises:
        UnknownSecretError: it names a secret that is not in SECRET_MEMBERS.
    """
    names = list(_SHARED)
    variables: dict[str, str] = {}
    for name, text in function.variables.items():
        if not text:
            continue  # The template turns it off for this function.
        if name == _SECRETS:
            names += _members(function.name, text)
        elif name == _DATABASE_SECRET:
            names += _DATABASE_MEMBERS
        elif name == _APP_SECRET:
            names += _APP_MEMBERS
        elif text.startswith(_OPT):
            variables[name] = str(_below_opt(function, text, folder))
        elif name in settings:
            names.append(name)
        elif "${" not in text:
            variables[name] = text
    return variables | {name: settings[name] for name in names if settings.get(name)}


def _members(function: str, text: str) -> list[str]:
    outputs = _REFERENCE.findall(text)
    unknown = [output for output in outputs if output not in SECRET_MEMBERS]
    if unknown:
        raise UnknownSecretError(f"{function} reads a secret that is not known: {unknown[0]}.")
    return [name for output in outputs for name in SECRET_MEMBERS[output]]


def _below_opt(function: LambdaFunction, text: str, folder: Path) -> Path:
    """Return the path in the first layer that has it; in the last one if none has."""
    paths = [folder / layer / text.removeprefix(_OPT) for layer in function.layers]
    return next((path for path in paths if path.exists()), paths[-1])


def _split_address(address: str) -> tuple[str, str, str]:
    """Return an address without its password, its user and the password, both decoded."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    password = unquote(parts.password or "") or query.pop("password", "")
    query.pop("password", None)
    user = unquote(parts.username or "")
    account, _, host = parts.netloc.rpartition("@")
    netloc = f"{quote(user, safe='')}@{host}" if account and user else host
    bare = parts._replace(netloc=netloc, query=urlencode(query)).geturl()
    return bare, user, password


def template_parameters(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of the template that these settings decide."""
    parameters = {}
    if settings.get("PINECONE_API_KEY"):
        parameters["Vectors"] = "pinecone"
    if settings.get("KOVA_ORIGIN_SECRET"):
        parameters["OnlyThroughCloudFront"] = "yes"
    if settings.get("SLACK_BOT_TOKEN") or settings.get("KOVA_GOOGLE_CHAT_WEBHOOK_URL"):
        parameters["Chats"] = "yes"
    return parameters
