"""Settings from the environment: typed, and every missing or bad one reported at once.

Not Pydantic: the webhook function loads this at every cold start and nothing else of Pydantic.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

from kova.domain.errors import NotConfiguredError

Value = TypeVar("Value")
GITHUB_API: Final = "https://api.github.com"


class SettingsError(NotConfiguredError):
    """Settings are missing or not valid."""

    reason = "bad_settings"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All of Kova's own settings. Secrets do not show in its repr."""

    environment: str = "production"
    database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    scan_queue_url: str | None = None
    github_api_url: str = GITHUB_API
    github_app_id: str | None = None
    github_private_key: str | None = field(default=None, repr=False)
    github_token: str | None = field(default=None, repr=False)
    github_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    ruff: str | None = None
    analyzers_bin: str | None = None
    secrets_key: str | None = field(default=None, repr=False)
    whole_program: bool = False
    max_files: int = 20_000
    max_file_bytes: int = 1_000_000
    max_total_bytes: int = 400_000_000
    fetch_seconds: int = 120
    worker_concurrency: int = 2


def load_settings(environment: Mapping[str, str], *, needed: tuple[str, ...] = ()) -> Settings:
    """Read settings.

    Args:
        environment: usually os.environ.
        needed: names of variables that this process cannot do without.

    Raises:
        SettingsError: its message lists every problem.
    """
    reader = _Reader(environment)
    settings = Settings(
        environment=reader.choice("KOVA_ENV", ("local", "production"), "production"),
        database_url=reader.url("KOVA_DATABASE_URL", ("postgresql", "postgres")),
        redis_url=reader.url("KOVA_REDIS_URL", ("redis", "rediss")),
        scan_queue_url=reader.url("KOVA_SCAN_QUEUE_URL", ("http", "https")),
        github_api_url=(reader.url("KOVA_GITHUB_API_URL", ("http", "https")) or GITHUB_API).rstrip(
            "/"
        ),
        github_app_id=reader.text("KOVA_GITHUB_APP_ID"),
        github_private_key=reader.private_key("KOVA_GITHUB_PRIVATE_KEY"),
        github_token=reader.text("KOVA_GITHUB_TOKEN"),
        github_webhook_secrets=reader.words("KOVA_GITHUB_WEBHOOK_SECRET"),
        ruff=reader.text("KOVA_RUFF"),
        analyzers_bin=reader.text("KOVA_ANALYZERS_BIN"),
        secrets_key=reader.text("KOVA_SECRETS_KEY"),
        whole_program=reader.choice("KOVA_WHOLE_PROGRAM", ("off", "on"), "off") == "on",
        max_files=reader.number("KOVA_MAX_FILES", Settings.max_files),
        max_file_bytes=reader.number("KOVA_MAX_FILE_BYTES", Settings.max_file_bytes),
        max_total_bytes=reader.number("KOVA_MAX_TOTAL_BYTES", Settings.max_total_bytes),
        fetch_seconds=reader.number("KOVA_FETCH_SECONDS", Settings.fetch_seconds),
        worker_concurrency=reader.number("KOVA_WORKER_CONCURRENCY", Settings.worker_concurrency),
    )
    if (settings.github_app_id is None) != (settings.github_private_key is None):
        reader.problems.append(
            "KOVA_GITHUB_APP_ID and KOVA_GITHUB_PRIVATE_KEY belong together: one is missing"
        )
    reader.problems += [f"{name} is missing" for name in needed if not environment.get(name)]
    if reader.problems:
        raise SettingsError("; ".join(reader.problems) + ".")
    return settings


def fill_from_secret(environment: Mapping[str, str], secret: str) -> dict[str, str]:
    """Return the environment with unset variables filled from a JSON secret's members.

    Raises:
        SettingsError: the secret is not a JSON object of strings.
    """
    try:
        members = json.loads(secret)
    except ValueError as exc:
        raise SettingsError("The secret named by KOVA_SECRETS_ARN is not JSON.") from exc
    if not isinstance(members, dict) or not all(isinstance(one, str) for one in members.values()):
        raise SettingsError("The secret named by KOVA_SECRETS_ARN is not an object of strings.")
    return {**members, **{key: value for key, value in environment.items() if value}}


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environment.get(name, "").strip() or None

    def words(self, name: str) -> tuple[str, ...]:
        parts = (self.text(name) or "").split(",")
        return tuple(part.strip() for part in parts if part.strip())

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        return self._parsed(name, default, lambda text: allowed[allowed.index(text)])

    def number(self, name: str, default: int) -> int:
        return self._parsed(name, default, _positive)

    def url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        def check(text: str) -> str | None:
            parts = urlsplit(text)
            if parts.scheme not in schemes or not parts.netloc:
                raise ValueError
            return text

        return self._parsed(name, None, check)

    def private_key(self, name: str) -> str | None:
        def check(text: str) -> str | None:
            pem = text.replace("\\n", "\n")
            if "PRIVATE KEY-----" not in pem:
                raise ValueError
            return pem

        return self._parsed(name, None, check)

    def _parsed(self, name: str, default: Value, parse: Callable[[str], Value]) -> Value:
        text = self.text(name)
        if text is None:
            return default
        try:
            return parse(text)
        except (ValueError, IndexError):
            # The value is not repeated: it may be a secret.
            self.problems.append(f"{name} is not valid")
            return default


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
