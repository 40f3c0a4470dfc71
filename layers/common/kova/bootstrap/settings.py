"""Settings from the environment: typed, and every missing or bad one reported at once.

Not Pydantic: the webhook function loads this at every cold start and nothing else of Pydantic.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from kova.bootstrap.setting_reader import SettingReader
from kova.bootstrap.sign_in_settings import SignInSettings, read_sign_in_settings
from kova.shared.exceptions import NotConfiguredError
from kova.shared.owners import EVERY_OWNER, Owners, owners_of

LOG_LEVELS: Final = ("debug", "info", "warning", "error")
GITHUB_API: Final = "https://api.github.com"
NOTIFY_SEVERITIES: Final = ("off", "critical", "high")
SETUP_TOKEN_CHARACTERS: Final = 24
ORIGIN_SECRET_CHARACTERS: Final = 24


class SettingsError(NotConfiguredError):
    """Settings are missing or not valid."""

    reason = "bad_settings"


@dataclass(frozen=True, kw_only=True)
class AiSettings:
    """What /ai/command needs; model ids and prices stand here and in bootstrap/models.py only.

    `prices` are dollars for a million tokens, input and output, by model id. A command is answered
    within `deadline_seconds` where its caller waits, and within `later_seconds` where nobody does.
    """

    command_queue_url: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    openai_model: str = "gpt-6.1-sol"
    anthropic_api_key: str | None = field(default=None, repr=False)
    anthropic_base_url: str | None = None
    anthropic_model: str = "claude-sonnet-5-5"
    embedding_model: str = "text-embedding-3-small"
    pinecone_api_key: str | None = field(default=None, repr=False)
    pinecone_index: str = "kova"
    pinecone_host: str | None = None
    monthly_budget_usd: Decimal | None = None
    prices: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    deadline_seconds: int = 20
    later_seconds: int = 60


@dataclass(frozen=True, kw_only=True)
class SetupSettings:
    """What /setup needs: its one-time token, GitHub's pages, and where credentials are stored.

    Either a file, which other processes read again when it changes, or secrets, one a purpose.
    """

    token: str | None = field(default=None, repr=False)
    github_web_url: str | None = None
    app_file: str | None = None
    app_secret_arn: str | None = None
    client_secret_arn: str | None = None
    webhook_secret_arn: str | None = None


@dataclass(frozen=True, kw_only=True)
class CdnSettings:
    """What says that a request came through the CDN in front, and where its client is told."""

    origin_secrets: tuple[str, ...] = field(default=(), repr=False)
    client_address_header: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChatSettings:
    """Where messages go, and who may ask; a repository may have rules of its own.

    `slack_signing_secrets` are all valid: several while one is rotated. `digest_at` is a time of
    the day with a time zone, such as `08:00 Europe/Berlin`.
    """

    slack_bot_token: str | None = field(default=None, repr=False)
    slack_signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    slack_api_url: str = "https://slack.com/api"
    slack_channel: str | None = None
    google_chat_webhook_url: str | None = field(default=None, repr=False)
    notify_severity: str = "high"
    quiet_hours: str | None = None
    digest_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """Calls in a minute: of a key, of an address without one, and of a key for scans and AI."""

    calls: int = 6_000
    anonymous: int = 60
    scans: int | None = None
    ai: int | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All of Kova's own settings. Secrets do not show in its repr."""

    environment: str = "production"
    log_level: str = "info"
    on_lambda: bool = False
    database_url: str | None = field(default=None, repr=False)
    database_read_url: str | None = field(default=None, repr=False)
    database_pool: int = 10
    redis_url: str | None = field(default=None, repr=False)
    scan_queue_url: str | None = None
    fix_queue_url: str | None = None
    github_api_url: str = GITHUB_API
    github_app_id: str | None = None
    github_private_key: str | None = field(default=None, repr=False)
    github_token: str | None = field(default=None, repr=False)
    github_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    ruff: str | None = None
    analyzers_bin: str | None = None
    secrets_key: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)
    admin_key_secret_arn: str | None = None
    whole_program: bool = False
    max_files: int = 20_000
    max_file_bytes: int = 1_000_000
    max_total_bytes: int = 400_000_000
    fetch_seconds: int = 120
    worker_concurrency: int = 2
    scans_per_repository: int = 4
    worker_visibility_seconds: int = 20
    deleted_repository_days: int = 30
    body_seconds: int = 20
    trusted_proxies: int | tuple[str, ...] = 0
    cors_origins: tuple[str, ...] = ()
    metrics_token: str | None = field(default=None, repr=False)
    public_url: str | None = None
    owners: Owners = EVERY_OWNER
    limits: LimitSettings = field(default_factory=LimitSettings)
    cdn: CdnSettings = field(default_factory=CdnSettings)
    ai: AiSettings = field(default_factory=AiSettings)
    setup: SetupSettings = field(default_factory=SetupSettings)
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    chat: ChatSettings = field(default_factory=ChatSettings)


def load_settings(
    environment: Mapping[str, str],
    *,
    needed: tuple[str, ...] = (),
    needed_in_production: tuple[str, ...] = (),
    connects: bool = True,
) -> Settings:
    """Read settings.

    Args:
        environment: usually os.environ.
        needed: names of variables that this process cannot do without.
        needed_in_production: the same where KOVA_ENV is production.
        connects: False for a process that uses neither the database nor Redis: their addresses
            are not read.

    Raises:
        SettingsError: its message lists every problem.
    """
    reader = SettingReader(environment, connects=connects)
    settings = _read_settings(reader)
    reader.url("AWS_ENDPOINT_URL_SQS")  # AWS's client reads it, and says less about it.
    if (settings.github_app_id is None) != (settings.github_private_key is None):
        reader.problems.append(
            "KOVA_GITHUB_APP_ID and KOVA_GITHUB_PRIVATE_KEY belong together: one is missing"
        )
    if settings.setup.token and len(settings.setup.token) < SETUP_TOKEN_CHARACTERS:
        reader.problems.append(
            f"KOVA_SETUP_TOKEN has fewer than {SETUP_TOKEN_CHARACTERS} characters"
        )
    if settings.environment == "production":
        needed += needed_in_production
    reader.problems += [f"{name} is missing" for name in needed if reader.text(name) is None]
    if reader.problems:
        raise SettingsError("; ".join(reader.problems) + ".")
    return settings


def _read_settings(reader: SettingReader) -> Settings:
    return Settings(
        environment=reader.choice("KOVA_ENV", ("local", "production"), "production"),
        log_level=reader.choice("KOVA_LOG_LEVEL", LOG_LEVELS, "info"),
        on_lambda=reader.text("AWS_LAMBDA_FUNCTION_NAME") is not None,
        database_url=reader.database_url("KOVA_DATABASE_URL"),
        database_read_url=reader.database_url("KOVA_DATABASE_READ_URL"),
        database_pool=reader.number("KOVA_DATABASE_POOL", Settings.database_pool, 1_000),
        redis_url=reader.redis_url("KOVA_REDIS_URL"),
        scan_queue_url=reader.url("KOVA_SCAN_QUEUE_URL"),
        fix_queue_url=reader.url("KOVA_FIX_QUEUE_URL"),
        github_api_url=(reader.url("KOVA_GITHUB_API_URL") or GITHUB_API).rstrip("/"),
        github_app_id=reader.token("KOVA_GITHUB_APP_ID"),
        github_private_key=reader.private_key("KOVA_GITHUB_PRIVATE_KEY"),
        github_token=reader.token("KOVA_GITHUB_TOKEN"),
        github_webhook_secrets=reader.words("KOVA_GITHUB_WEBHOOK_SECRET"),
        ruff=reader.text("KOVA_RUFF"),
        analyzers_bin=reader.text("KOVA_ANALYZERS_BIN"),
        secrets_key=reader.text("KOVA_SECRETS_KEY"),
        signing_key=reader.text("KOVA_SIGNING_KEY"),
        admin_key_secret_arn=reader.text("KOVA_ADMIN_KEY_SECRET_ARN"),
        whole_program=reader.choice("KOVA_WHOLE_PROGRAM", ("off", "on"), "off") == "on",
        max_files=reader.number("KOVA_MAX_FILES", Settings.max_files, 1_000_000),
        max_file_bytes=reader.number("KOVA_MAX_FILE_BYTES", Settings.max_file_bytes, 100_000_000),
        max_total_bytes=reader.number(
            "KOVA_MAX_TOTAL_BYTES", Settings.max_total_bytes, 10_000_000_000
        ),
        fetch_seconds=reader.number("KOVA_FETCH_SECONDS", Settings.fetch_seconds, 3_600),
        worker_concurrency=reader.number(
            "KOVA_WORKER_CONCURRENCY", Settings.worker_concurrency, 64
        ),
        scans_per_repository=reader.number(
            "KOVA_SCANS_PER_REPOSITORY", Settings.scans_per_repository, 1_000
        ),
        worker_visibility_seconds=reader.number(
            "KOVA_WORKER_VISIBILITY_SECONDS", Settings.worker_visibility_seconds, 43_200
        ),
        deleted_repository_days=reader.number(
            "KOVA_DELETED_REPOSITORY_DAYS", Settings.deleted_repository_days, 3_650
        ),
        body_seconds=reader.number("KOVA_BODY_SECONDS", Settings.body_seconds, 300),
        trusted_proxies=reader.proxies("KOVA_TRUSTED_PROXIES", 10),
        limits=_limit_settings(reader),
        cors_origins=reader.origins("KOVA_CORS_ORIGINS"),
        metrics_token=reader.token("KOVA_METRICS_TOKEN"),
        public_url=reader.url("KOVA_PUBLIC_URL"),
        owners=owners_of(reader.owners("KOVA_ALLOWED_OWNERS")),
        cdn=_cdn_settings(reader),
        ai=_ai_settings(reader),
        sign_in=read_sign_in_settings(reader),
        setup=_setup_settings(reader),
        chat=_chat_settings(reader),
    )


def _limit_settings(reader: SettingReader) -> LimitSettings:
    limit = 10_000_000
    return LimitSettings(
        calls=reader.number("KOVA_RATE_LIMIT_PER_MINUTE", LimitSettings.calls, limit),
        anonymous=reader.number(
            "KOVA_ANONYMOUS_RATE_LIMIT_PER_MINUTE", LimitSettings.anonymous, limit
        ),
        scans=reader.optional_number("KOVA_SCAN_RATE_LIMIT_PER_MINUTE", limit),
        ai=reader.optional_number("KOVA_AI_RATE_LIMIT_PER_MINUTE", limit),
    )


def _setup_settings(reader: SettingReader) -> SetupSettings:
    return SetupSettings(
        token=reader.text("KOVA_SETUP_TOKEN"),
        github_web_url=reader.url("KOVA_GITHUB_WEB_URL"),
        app_file=reader.text("KOVA_GITHUB_APP_FILE"),
        app_secret_arn=reader.text("KOVA_GITHUB_APP_SECRET_ARN"),
        client_secret_arn=reader.text("KOVA_GITHUB_CLIENT_SECRET_ARN"),
        webhook_secret_arn=reader.text("KOVA_WEBHOOK_SECRET_ARN"),
    )


def _ai_settings(reader: SettingReader) -> AiSettings:
    return AiSettings(
        command_queue_url=reader.url("KOVA_COMMAND_QUEUE_URL"),
        openai_api_key=reader.token("OPENAI_API_KEY"),
        openai_base_url=reader.url("OPENAI_BASE_URL"),
        openai_model=reader.text("KOVA_OPENAI_MODEL") or AiSettings.openai_model,
        anthropic_api_key=reader.token("ANTHROPIC_API_KEY"),
        anthropic_base_url=reader.url("ANTHROPIC_BASE_URL"),
        anthropic_model=reader.text("KOVA_ANTHROPIC_MODEL") or AiSettings.anthropic_model,
        embedding_model=reader.text("KOVA_EMBEDDING_MODEL") or AiSettings.embedding_model,
        pinecone_api_key=reader.token("PINECONE_API_KEY"),
        pinecone_index=reader.text("KOVA_PINECONE_INDEX") or AiSettings.pinecone_index,
        pinecone_host=reader.url("PINECONE_HOST"),
        monthly_budget_usd=reader.money("KOVA_MONTHLY_BUDGET_USD"),
        prices=reader.prices("KOVA_MODEL_PRICES"),
        deadline_seconds=reader.number(
            "KOVA_AI_DEADLINE_SECONDS", AiSettings.deadline_seconds, 900
        ),
        later_seconds=reader.number("KOVA_AI_LATER_SECONDS", AiSettings.later_seconds, 900),
    )


def _chat_settings(reader: SettingReader) -> ChatSettings:
    return ChatSettings(
        slack_bot_token=reader.token("SLACK_BOT_TOKEN"),
        slack_signing_secrets=reader.words("SLACK_SIGNING_SECRET"),
        slack_api_url=(reader.url("KOVA_SLACK_API_URL") or ChatSettings.slack_api_url).rstrip("/"),
        slack_channel=reader.slack_channel("KOVA_SLACK_CHANNEL"),
        google_chat_webhook_url=reader.url("KOVA_GOOGLE_CHAT_WEBHOOK_URL"),
        notify_severity=reader.choice(
            "KOVA_NOTIFY_SEVERITY", NOTIFY_SEVERITIES, ChatSettings.notify_severity
        ),
        quiet_hours=reader.quiet_hours("KOVA_QUIET_HOURS"),
        digest_at=reader.time_of_day("KOVA_DIGEST_AT"),
    )


def load_cdn_settings(environment: Mapping[str, str]) -> CdnSettings:
    """Read what a process needs that answers everybody and has no other setting.

    Raises:
        SettingsError: its message lists every problem.
    """
    reader = SettingReader(environment, connects=False)
    settings = _cdn_settings(reader)
    if reader.problems:
        raise SettingsError("; ".join(reader.problems) + ".")
    return settings


def _cdn_settings(reader: SettingReader) -> CdnSettings:
    settings = CdnSettings(
        origin_secrets=reader.header_secrets("KOVA_ORIGIN_SECRET", ORIGIN_SECRET_CHARACTERS),
        client_address_header=reader.header_name("KOVA_CLIENT_ADDRESS_HEADER"),
    )
    if settings.client_address_header and not settings.origin_secrets:
        reader.problems.append(
            "KOVA_CLIENT_ADDRESS_HEADER is trusted with KOVA_ORIGIN_SECRET only, which is missing"
        )
    return settings


def require(value: str | None, name: str) -> str:
    """Return a setting's value.

    Raises:
        SettingsError: it is missing.
    """
    if value is None:
        raise SettingsError(f"{name} is missing.")
    return value


def fill_from_secret(
    environment: Mapping[str, str],
    secret: str,
    arn: str,
    *,
    names: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the environment with unset variables filled from a JSON secret's members.

    Args:
        environment: variables that are set keep their value.
        secret: the secret's text; it is not repeated in an error.
        arn: names the secret in an error.
        names: the variables of the members; without it a member is called like its variable.

    Raises:
        SettingsError: the secret is not a JSON object of strings.
    """
    try:
        members = json.loads(secret)
    except ValueError:
        raise SettingsError(f"The secret {arn} is not JSON.") from None
    if not isinstance(members, dict):
        raise SettingsError(f"The secret {arn} is not an object.")
    if names is not None:
        members = {names[name]: value for name, value in members.items() if name in names}
    if not all(isinstance(member, str) for member in members.values()):
        raise SettingsError(f"The secret {arn} has a member that is not a string.")
    return {**members, **set_variables(environment)}


def set_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that hold more than blanks: the others count as not set."""
    return {name: value for name, value in environment.items() if value.strip()}
