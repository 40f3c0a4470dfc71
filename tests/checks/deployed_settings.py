"""The variables that a deployment gives to a process are settings, and those that it needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Final
from urllib.parse import unquote

from tests.checks.settings import AROUND, list_settings, meanings

# What a process can start without, and a deployment that was meant does not leave out.
_EXPECTED: Final[Mapping[str, tuple[str, ...]]] = {
    "api": ("KOVA_FIX_QUEUE_URL", "KOVA_COMMAND_QUEUE_URL", "KOVA_REDIS_URL", "KOVA_PUBLIC_URL"),
    "worker": (
        *("KOVA_FIX_QUEUE_URL", "KOVA_COMMAND_QUEUE_URL", "KOVA_REDIS_URL"),
        "KOVA_PUBLIC_URL",  # What it tells chats leads to a page.
    ),
    "migrate": (),
    "backup": (),
}
_AROUND: Final = frozenset(re.findall(r"`([A-Z][A-Z0-9_]+)`", AROUND.partition("## Members")[0]))
_OF_OTHERS: Final = re.compile(r"(AWS|PG)[A-Z_]+")
_SECRETS_OF_OTHERS: Final = frozenset({"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD"})
# What queues that ask for no key are given, for AWS's client does not start without one.
_NO_KEY: Final = "local"
# Before the host, where a password may hold any sign, or by name, as libpq takes it.
_WITH_PASSWORD: Final = re.compile(
    r"[\w+.-]+://[^/@:]*:[^@]+@|(^|[?&\s])(ssl)?password\s*=\s*[^\s&]", re.IGNORECASE
)


def check_variables(
    process: str, variables: Mapping[str, object], secrets: Collection[str]
) -> list[str]:
    """Return what is wrong with the variables of a process.

    Args:
        process: api, worker, migrate or backup.
        variables: by name, the values that stand in the deployment's files; anything but a text
            is one that is only known at deployment.
        secrets: names of the variables that come from a store of secrets.
    """
    known, secret = _settings()
    if "AWS_ENDPOINT_URL_SQS" in variables and variables.get("AWS_SECRET_ACCESS_KEY") == _NO_KEY:
        secret -= {"AWS_SECRET_ACCESS_KEY"}
    problems = [
        f"{process}: {name} is no setting"
        for name in sorted({*variables, *secrets})
        if name not in known and name not in _AROUND and not _OF_OTHERS.fullmatch(name)
    ]
    problems += [
        f"{process}: {name} is a secret and stands in plain text"
        for name, value in variables.items()
        if _shows(value, is_secret=name in secret, is_address="_URL" in name)
    ]
    given = {*variables, *secrets}
    problems += [f"{process}: {name} is missing" for name in _needed(process) if name not in given]
    return problems


def _shows(value: object, *, is_secret: bool, is_address: bool) -> bool:
    """True if a value is secret: an address is one when it has a password."""
    if is_address:
        forms = (value, unquote(value)) if isinstance(value, str) else ()
        return any(_WITH_PASSWORD.search(form) for form in forms)
    return is_secret and value != ""


@cache
def _settings() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of all settings, and of the variables whose value is secret."""
    settings = list_settings()
    names = frozenset(setting.name for setting in settings)
    secret = {setting.name for setting in settings if setting.secret}
    return names, frozenset(secret | _SECRETS_OF_OTHERS)


def _needed(process: str) -> list[str]:
    must = [
        name
        for name, (users, bold, _) in meanings().items()
        if bold and process in users.split(", ")
    ]
    # The server's application needs what a worker needs (kova_server/application.py).
    if process == "api":
        must.append("KOVA_SECRETS_KEY")
    return [*must, *_EXPECTED[process]]
