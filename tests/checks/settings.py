"""docs/settings.md: every setting with its type, default and meaning, made from the code."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kova.bootstrap import settings as module
from kova.bootstrap.setting_reader import SettingReader

PAGE: Final = Path("docs/settings.md")
HEAD: Final = """# Settings

Made from the code by `make export`; `make check` holds it. Every setting is a variable of the environment. What is
missing or not valid is said when a process starts, all of it at once, and never with its value. An empty value counts
as missing.

**Needed by**: *all* processes, the *api* (`kova serve`, and the functions that answer HTTP), the *worker* (`kova
worker`, and the functions of queues), the *webhook*, the *setup*, *migrate*. A setting in bold has no default and its
processes do not start without it, or not in production.

A secret belongs into a secret of AWS Secrets Manager that `KOVA_SECRETS_ARN` names, into a file that the container's
platform keeps, or into `.kova/kova.env`, which `kova up` writes for its owner alone. A value of the environment has
priority over the same member of a secret.
"""
AROUND: Final = """
## Around Kova

| variable | type | what it is |
| --- | --- | --- |
| `KOVA_SECRETS_ARN` | ARNs | Secrets of AWS Secrets Manager whose members fill variables that are not set; with commas between them. Read again every five minutes: functions then use what changed, and the server and the worker begin anew. |
| `KOVA_DATABASE_SECRET_ARN` | ARN | A secret of RDS's form: its `username` and `password` become `KOVA_DATABASE_USER` and `KOVA_DATABASE_PASSWORD`. |
| `AWS_ENDPOINT_URL_SQS` | address | An SQS API other than AWS's, such as ElasticMQ's. |
| `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`, ... | text | AWS's own settings; on Lambda and ECS they are there already. |
| `AWS_CONFIG_FILE`, `AWS_ROLE_ARN` | file, ARN | On Google Cloud: `kova_server/google_credentials.ini` in the image, and the role of AWS that trusts the service account. |

## Members of the secrets on AWS

| secret of `deploy/aws` | members |
| --- | --- |
| `WebhookSecret` | `KOVA_GITHUB_WEBHOOK_SECRET` |
| `GithubSecret` | `KOVA_GITHUB_APP_ID`, `KOVA_GITHUB_PRIVATE_KEY` |
| `GithubClientSecret` | `KOVA_GITHUB_CLIENT_ID`, `KOVA_GITHUB_CLIENT_SECRET`, by which people sign in |
| `ModelsSecret` | `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `PINECONE_API_KEY` |
| `ChatSecret` | `SLACK_BOT_TOKEN`, `SLACK_SIGNING_SECRET`, `KOVA_SLACK_CHANNEL`, `KOVA_GOOGLE_CHAT_WEBHOOK_URL` |
| `HashSecret` | `KOVA_SECRETS_KEY` |
| `SigningSecret` | `KOVA_SIGNING_KEY` |
| `MetricsSecret` | `KOVA_METRICS_TOKEN` |
| `OriginSecret` | `KOVA_ORIGIN_SECRET`, and while rotating what CloudFront sends next ([deploy-aws.md](deploy-aws.md)) |
| `SetupSecret` | `KOVA_SETUP_TOKEN` |
| `SignInSecret` | `GOOGLE_CLIENT_ID`, `GOOGLE_CLIENT_SECRET` |
| `AdminKeySecret` | `KOVA_ADMIN_KEY`, for people; no process reads it |
| `CacheSecret` | `KOVA_REDIS_PASSWORD` |
| `DatabaseSecret` | `username`, `password`, and what RDS adds |

## Examples

| where | file |
| --- | --- |
| one machine, without Docker | `.kova/kova.env`, written by `make run` |
| Docker compose | `.env.example` |
| Kubernetes | `deploy/kubernetes/overlays`, `configMapGenerator` |
| AWS, functions | `template.yaml`, `Globals` and each function's `Environment` |
| AWS, containers on ECS | `deploy/ecs/template.yaml`, each task's `Environment` |
| Cloud Run | `deploy/cloud-run/services.tf`, `local.variables` and each container's `env` |
"""
# name | needed by | bold where it must be set | what it is
MEANINGS: Final = """
KOVA_ENV | all | | `local` does without KOVA_SECRETS_KEY and KOVA_SIGNING_KEY; `production` does not.
KOVA_LOG_LEVEL | all | | What is logged; `debug` adds tracebacks to the command line.
AWS_LAMBDA_FUNCTION_NAME | all | | Set by Lambda, never by people: counts then go to CloudWatch.
KOVA_DATABASE_URL | api, worker, migrate, backup | must | Postgres: `postgresql://USER@HOST/NAME?sslmode=verify-full`.
KOVA_DATABASE_USER | api, worker, migrate, backup | | The user, where the address names none.
KOVA_DATABASE_PASSWORD | api, worker, migrate, backup | | The password as it is, where the address has none: nothing has to be percent-encoded.
KOVA_DATABASE_READ_URL | api | | A read replica; the primary is read while it does not answer.
KOVA_DATABASE_POOL | api, worker | | Connections of a process to each database, at most.
KOVA_REDIS_URL | api, worker | | Redis or Valkey; without it every process counts and remembers alone.
KOVA_REDIS_PASSWORD | api, worker | | The password as it is, where the address has none.
KOVA_SCAN_QUEUE_URL | api, worker, webhook | must | The queue of scans.
KOVA_FIX_QUEUE_URL | api, worker | | The queue of fixes to publish by hand.
KOVA_COMMAND_QUEUE_URL | api, worker, webhook | | The queue of commands that nobody waits for, and of those in comments.
KOVA_GITHUB_API_URL | api, worker, setup | | GitHub's API; `https://HOST/api/v3` for an Enterprise Server.
KOVA_GITHUB_WEB_URL | setup | | GitHub's pages, where they do not follow from the API's address.
KOVA_GITHUB_APP_ID | api, worker | | The App's number; /setup stores it.
KOVA_GITHUB_PRIVATE_KEY | api, worker | | The App's key, its lines as they are or joined by `\\n`.
KOVA_GITHUB_TOKEN | api, worker | | One token in place of an App, to try it out.
KOVA_GITHUB_WEBHOOK_SECRET | webhook | | What deliveries are signed with; several with commas between them all count.
KOVA_GITHUB_APP_FILE | all | | The file with the App that /setup made, where there is no Secrets Manager.
KOVA_GITHUB_APP_SECRET_ARN | setup | | The secret that gets the App's number and key.
KOVA_GITHUB_CLIENT_SECRET_ARN | setup | | The secret that gets the App's client id and client secret; without it, that of the App does.
KOVA_WEBHOOK_SECRET_ARN | setup | | The secret that gets the webhook's secret.
KOVA_SETUP_TOKEN | setup | | The one-time token of /setup; `kova up` makes one.
KOVA_PUBLIC_URL | api, setup | | The address under which GitHub and people reach Kova; signing in needs it, but for `kova up`.
KOVA_ALLOWED_OWNERS | all | | Accounts on GitHub that Kova works for; deliveries, scans and comments about repositories of others are ignored. Without it: everybody whose repositories the App is installed on.
GOOGLE_CLIENT_ID | api | | Signing in with Google: the client's id ([sign-in.md](sign-in.md)).
GOOGLE_CLIENT_SECRET | api | | The client's secret.
KOVA_GOOGLE_ISSUER | api | | Another issuer of OpenID Connect than Google.
KOVA_GOOGLE_HOSTED_DOMAIN | api | | The Google Workspace whose people may sign in, as viewers at least; without it only people that a rule names.
KOVA_GOOGLE_SHEETS_URL | api | | Another address of the Sheets API than Google's, for exports ([google-sheets.md](google-sheets.md)).
KOVA_GITHUB_CLIENT_ID | api | | Signing in with GitHub: the App's client id; /setup stores it.
KOVA_GITHUB_CLIENT_SECRET | api | | The App's client secret; /setup stores it.
KOVA_ADMINS | api | | Who may do everything with all repositories: rules `ann@example.com`, `@example.com`, `github:login`.
KOVA_MEMBERS | api | | Who may scan, publish, ignore and ask: rules as above.
KOVA_VIEWERS | api | | Who may look: rules as above.
KOVA_RUFF | worker | | A ruff other than the installed one.
KOVA_ANALYZERS_BIN | worker | | The folder of the analysers' programs.
KOVA_SECRETS_KEY | worker | production | The key of the hashes by which secrets are known again; it never changes.
KOVA_SIGNING_KEY | api, worker | production | The key of the codes without which nothing counts that Redis holds: keys, sessions, answers. Whoever changes it signs everybody out.
KOVA_ADMIN_KEY_SECRET_ARN | migrate | | The secret that gets the first API key.
KOVA_WHOLE_PROGRAM | worker | | `on` runs analysers that read the whole repository at each push.
KOVA_MAX_FILES | worker | | Files of a scan; what is left out is said.
KOVA_MAX_FILE_BYTES | worker | | Bytes of a file that is analysed.
KOVA_MAX_TOTAL_BYTES | worker | | Bytes of all files of a scan.
KOVA_FETCH_SECONDS | worker | | Seconds to fetch a scan's files from GitHub.
KOVA_WORKER_CONCURRENCY | worker | | Jobs of a worker at a time.
KOVA_SCANS_PER_REPOSITORY | worker | | Scans of a repository that run at once in all workers; fewer than all workers do together, so that a busy repository leaves room for others.
KOVA_WORKER_VISIBILITY_SECONDS | worker | | Seconds for which a message in work is hidden; renewed while the work goes on.
KOVA_DELETED_REPOSITORY_DAYS | worker | | Days after which the rows of a repository that was deleted on GitHub are deleted too.
KOVA_RATE_LIMIT_PER_MINUTE | api | | Calls of a key in a minute.
KOVA_ANONYMOUS_RATE_LIMIT_PER_MINUTE | api | | Calls without a valid key from an address in a minute.
KOVA_SCAN_RATE_LIMIT_PER_MINUTE | api | | The same for scans; the usual limit where it is not set.
KOVA_AI_RATE_LIMIT_PER_MINUTE | api | | The same for AI commands.
KOVA_BODY_SECONDS | api | | Seconds that a request's body may take to arrive.
KOVA_TRUSTED_PROXIES | api | | The proxies in front of `kova serve` that say which address a client has: how many there are, where the server is reached through them only, or their addresses and networks, with commas between them. The address is the one that the outermost of them added to `X-Forwarded-For`. On Lambda API Gateway tells it.
KOVA_CORS_ORIGINS | api | | Origins whose pages may call, with commas between them.
KOVA_ORIGIN_SECRET | api, webhook | | What the CDN in front sends in the header X-Origin-Verify with every request; others are refused with 403. Several with commas between them all count.
KOVA_CLIENT_ADDRESS_HEADER | api | | The header in which that CDN tells its client's address, such as `True-Client-IP`; it is trusted only beside the secret.
KOVA_METRICS_TOKEN | api | | What a scraper of /metrics sends as its bearer token; without it an API key is needed.
OPENAI_API_KEY | api, worker | | OpenAI's key; without any key AI commands answer 503.
OPENAI_BASE_URL | api, worker | | An API of OpenAI's form elsewhere.
KOVA_OPENAI_MODEL | api, worker | | The model that OpenAI is asked for.
ANTHROPIC_API_KEY | api, worker | | Anthropic's key.
ANTHROPIC_BASE_URL | api, worker | | An API of Anthropic's form elsewhere.
KOVA_ANTHROPIC_MODEL | api, worker | | The model that Anthropic is asked for.
KOVA_EMBEDDING_MODEL | api, worker | | The model that turns code into vectors.
PINECONE_API_KEY | api, worker | | Pinecone's key; without it the code index is in Postgres.
KOVA_PINECONE_INDEX | api, worker | | The name of the index.
PINECONE_HOST | api, worker | | The address of the index, where it is not asked for by name.
SLACK_BOT_TOKEN | worker, slack | | The token of the Slack app, which begins with `xoxb-` ([slack.md](slack.md)).
SLACK_SIGNING_SECRET | slack | | What Slack signs its requests with; several with commas between them all count.
KOVA_SLACK_API_URL | worker, slack | | A Web API of Slack's form elsewhere.
KOVA_SLACK_CHANNEL | worker | | The id of the channel that is told of all repositories, such as C0123456789; a repository's own goes before it.
KOVA_GOOGLE_CHAT_WEBHOOK_URL | worker | | The webhook of the space that is told of all repositories; it is a secret ([google-chat.md](google-chat.md)).
KOVA_NOTIFY_SEVERITY | worker | | From which severity on people are told: `high`, `critical`, or `off`.
KOVA_QUIET_HOURS | worker | | When nobody is told anything, such as `22:00-07:00 Europe/Berlin`; it is told at their end.
KOVA_DIGEST_AT | worker | | When a daily digest is sent, such as `08:00 Europe/Berlin`; without it there is none.
KOVA_MONTHLY_BUDGET_USD | api, worker | | US dollars that models may cost in a month, all keys together.
KOVA_MODEL_PRICES | api, worker | | Prices of models: `MODEL=INPUT/OUTPUT` for a million tokens, with commas between them.
KOVA_AI_DEADLINE_SECONDS | api | | Seconds for an AI command whose caller waits.
KOVA_AI_LATER_SECONDS | worker | | Seconds for one whose caller does not wait.
"""
# By the reader's method: what it is called, and a value that differs from the default.
_KINDS: Final = {
    "text": ("text", "sample"),
    "token": ("text", "sample"),
    "words": ("list", "sample"),
    "header_secrets": ("list, {} characters each", "sample-sample-sample-sample"),
    "header_name": ("name of a header", "sample"),
    "origins": ("list of origins", "https://sample.example"),
    "url": ("address", "https://sample.example"),
    "owners": ("list of accounts", "sample"),
    "domain": ("domain", "sample.example"),
    "sign_in_rules": ("list of rules", "@sample.example"),
    "redis_url": ("address", "redis://sample.example"),
    "database_url": ("address", "postgresql://sample.example/x"),
    "number": ("1 to {:,}", "7"),
    "optional_number": ("1 to {:,}", "7"),
    "proxies": ("0 to {:,}, or networks", "7"),
    "money": ("US dollars", "7"),
    "prices": ("prices", "sample=1/2"),
    "slack_channel": ("id of a channel", "C0123456789"),
    "quiet_hours": ("hours of the day", "22:00-07:00"),
    "time_of_day": ("time of the day", "08:00"),
    "private_key": (
        "PEM",
        "-----BEGIN PRIVATE KEY-----\nYQ==\n-----END PRIVATE KEY-----",
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of the page."""

    name: str
    kind: str
    default: str
    secret: bool


class _Names(dict[str, str]):
    """An environment without variables, which notes those that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self.names:
            self.names.append(key)
        return default


class _Spy(SettingReader):
    """Notes with which method, and with what arguments, each variable is read first."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment, connects=True)
        self.methods: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def __getattribute__(self, method: str) -> Any:
        value = super().__getattribute__(method)
        if method.startswith("_") or not callable(value):
            return value

        def call(name: str, *arguments: Any) -> Any:
            self.methods.setdefault(name, (method, arguments))
            return value(name, *arguments)

        return call


def list_settings() -> list[Setting]:
    """Return every setting that a process reads, in the order of the code."""
    environment = _Names()
    spy = _Spy(environment)
    defaults = module._read_settings(spy)
    return [
        _describe(name, *spy.methods.get(name, ("text", ())), defaults)
        for name in environment.names
    ]


def _describe(
    name: str, method: str, arguments: tuple[Any, ...], defaults: module.Settings
) -> Setting:
    if method == "choice":
        allowed, default = arguments
        kind = " or ".join(f"`{word}`" for word in allowed)
        sample = next(word for word in allowed if word != default)
    else:
        kind, sample = _KINDS[method]
        kind = kind.format(arguments[-1]) if arguments else kind
    reader = SettingReader({name: sample}, connects=True)
    field = _changed_field(defaults, module._read_settings(reader))
    if field is None:  # Part of an address: it has no field of its own.
        return Setting(name=name, kind=kind, default="", secret="PASSWORD" in name)
    value, shown = field
    if isinstance(value, bool) and method != "choice":
        value = None
    return Setting(name=name, kind=kind, default=_show(value), secret=not shown)


def _changed_field(before: object, after: object) -> tuple[Any, bool] | None:
    """Return the default of the field that differs, and whether its value may be shown."""
    assert dataclasses.is_dataclass(before)
    for field in dataclasses.fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new:
            if dataclasses.is_dataclass(old) and not isinstance(old, type):
                return _changed_field(old, new)
            return old, field.repr
    return None


def _show(value: object) -> str:
    if value in (None, (), {}):
        return ""
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    return f"`{value}`"


def render() -> str:
    """Return the page."""
    meaning_of = meanings()
    rows = ["## Kova's own", "", "| variable | type | default | needed by | what it is |"]
    rows.append("| --- | --- | --- | --- | --- |")
    for setting in list_settings():
        processes, must, meaning = meaning_of[setting.name]
        name = f"**`{setting.name}`**" if must else f"`{setting.name}`"
        secret = " Secret." if setting.secret else ""
        rows.append(
            f"| {name} | {setting.kind} | {setting.default} | {processes} | {meaning}{secret} |"
        )
    return HEAD + "\n" + "\n".join(rows) + "\n" + AROUND


def check_settings() -> list[str]:
    """Return what is wrong with the page and its table."""
    names = {setting.name for setting in list_settings()}
    listed = set(meanings())
    problems = [f"{name} has no row in tests/checks/settings.py" for name in names - listed]
    problems += [f"{name} is read by no process" for name in listed - names]
    if not problems and (not PAGE.exists() or PAGE.read_text() != render()):
        problems.append(f"{PAGE} has drifted: run `make export`")
    return problems


def meanings() -> dict[str, tuple[str, str, str]]:
    """Return by setting which processes need it, whether it is bold, and what it is."""
    rows = [line.split("|", 3) for line in MEANINGS.strip().splitlines()]
    names = (name.strip() for name, *_ in rows)
    cells = ((users.strip(), must.strip(), text.strip()) for _, users, must, text in rows)
    return dict(zip(names, cells, strict=True))
