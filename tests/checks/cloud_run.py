"""deploy/cloud-run: the provider's arguments, checkov, and rules about what runs and what it is given."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.checks.deployed_settings import check_variables
from tests.checks.template import CHECKOV, check_weaknesses, lint
from tests.checks.template import CHECKOV_SETTINGS as AWS_SETTINGS
from tests.checks.terraform import check_files, read_files

FOLDER: Final = Path("deploy/cloud-run")
QUEUES: Final = FOLDER / "queues.yaml"
SETTINGS: Final = FOLDER / "checkov.yaml"
# By service account: the process, and the secrets that it may read, which are those that it names.
READERS: Final[Mapping[str, frozenset[str]]] = {
    "api": frozenset(
        "database-password database-ca redis-password redis-ca secrets-key signing-key metrics-token "
        "github-app".split()
    ),
    "worker": frozenset(
        "database-password database-ca redis-password redis-ca secrets-key signing-key github-app".split()
    ),
    "migrate": frozenset({"database-password", "database-ca"}),
    "backup": frozenset({"database-password", "database-ca"}),
}
_KINDS: Final = {
    "api": "google_cloud_run_v2_service",
    "worker": "google_cloud_run_v2_worker_pool",
    "migrate": "google_cloud_run_v2_job",
    "backup": "google_cloud_run_v2_job",
}
# Secrets that people make where they need them, by variable; and the processes that read them.
OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    "model_secrets": ("api", "worker"),
    "chat_secrets": ("api", "worker"),
    "sign_in_secrets": ("api",),
}
_CHAT: Final = (
    *("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "KOVA_SLACK_CHANNEL"),
    "KOVA_GOOGLE_CHAT_WEBHOOK_URL",
)
_APP_FILE: Final = ("KOVA_GITHUB_APP_ID", "KOVA_GITHUB_PRIVATE_KEY", "KOVA_GITHUB_WEBHOOK_SECRET")
_ROLES: Final = frozenset(
    {"roles/secretmanager.secretAccessor", "roles/storage.objectUser", "roles/run.invoker"}
)
_PINNED: Final = re.compile(r"docker\.io/[\w./-]+@sha256:[0-9a-f]{64}")
Files = Mapping[str, Any]


def check_cloud_run() -> list[str]:
    """Return what is wrong with the files of Cloud Run."""
    files = read_files(FOLDER)
    command = [str(CHECKOV), "--config-file", str(SETTINGS), "--directory", str(FOLDER)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    weak = [] if process.returncode == 0 else [f"checkov: {process.stdout}{process.stderr}"]
    aws = lint([QUEUES]) + check_weaknesses([QUEUES], AWS_SETTINGS)
    return check_files(files) + check_rules(files) + weak + aws


def check_rules(files: Files) -> list[str]:
    """Return which of the rules below are broken, and where."""
    rules: list[Callable[[Files], Iterator[str]]] = [
        _check_variables,
        _check_secrets,
        _check_optional_secrets,
        _check_containers,
        _check_api,
        _check_order,
        _check_database,
        _check_cache,
        _check_access,
        _check_watching,
    ]
    return [problem for rule in rules for problem in rule(files)]


def _revision(files: Files, name: str) -> Mapping[str, Any]:
    """Return what describes the instances of a service, a pool or a job."""
    (template,) = files["resource"][_KINDS[name]][name]["template"]
    if _KINDS[name].endswith("job"):
        (template,) = template["template"]
    return dict(template)


def _container(files: Files, name: str) -> Mapping[str, Any]:
    (container,) = _revision(files, name)["containers"]
    return dict(container)


def _blocks(body: Mapping[str, Any], kind: str, files: Files) -> Iterator[Mapping[str, Any]]:
    """Yield the blocks of a kind, those of a dynamic one for each member of its local value."""
    yield from body.get(kind, [])
    for dynamic in body.get("dynamic", []):
        if kind not in dynamic or dynamic[kind]["for_each"].startswith("${var."):
            continue
        (content,) = dynamic[kind]["content"]
        values = files["locals"][dynamic[kind]["for_each"].removeprefix("${local.").rstrip("}")]
        for key, value in values.items():
            yield _fill(content, kind, key, value)


def _fill(part: Any, name: str, key: str, value: Any) -> Any:
    """Return a part of a dynamic block with the key and the value of its iterator."""
    if isinstance(part, dict):
        return {word: _fill(text, name, key, value) for word, text in part.items()}
    if isinstance(part, list):
        return [_fill(row, name, key, value) for row in part]
    if not isinstance(part, str):
        return part
    part = part.replace(f"${{{name}.key}}", key)
    members = value.items() if isinstance(value, dict) else ()
    for member, text in members:
        part = part.replace(f"${{{name}.value.{member}}}", text)
    return value if part == f"${{{name}.value}}" else part


def _variables(files: Files, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the plain variables of a container, and by variable the secrets of the others."""
    plain: dict[str, Any] = {}
    secret: dict[str, str] = {}
    for row in _blocks(_container(files, name), "env", files):
        if "value" in row:
            plain[row["name"]] = row["value"]
        else:
            secret[row["name"]] = row["value_source"][0]["secret_key_ref"][0]["secret"]
    return plain, secret


def _check_variables(files: Files) -> Iterator[str]:
    for name in ("api", "worker", "migrate", "backup"):
        plain, secret = _variables(files, name)
        addresses = {
            key: files["locals"][text.removeprefix("${local.").rstrip("}")]
            for key, text in plain.items()
            if str(text).startswith("${local.")
        }
        from_file = _APP_FILE if "KOVA_GITHUB_APP_FILE" in plain else ()
        yield from check_variables(name, plain | addresses, {*secret, *from_file})


def _check_secrets(files: Files) -> Iterator[str]:
    for name, secrets in READERS.items():
        listed = set(re.findall(r'"([\w-]+)"', str(files["locals"]["readers"].get(name, ""))))
        if listed != secrets:
            yield f"{name}: it may read {sorted(listed ^ secrets)}, or should and may not"
        files_of = _blocks(_revision(files, name), "volumes", files)
        mounted = {row["secret"][0]["secret"] for row in files_of if "secret" in row}
        named = {text.removeprefix("kova-") for text in mounted.union(_variables(files, name)[1].values())}  # fmt: skip
        if named != secrets:
            yield f"{name}: it names other secrets than it may read: {sorted(named ^ secrets)}"
    for kind in ("generated", "stored"):
        version = files["resource"]["google_secret_manager_secret_version"][kind]
        if kind == "generated" and "secret_data" in version:
            yield "secrets: a generated one gets into the state"


def _check_optional_secrets(files: Files) -> Iterator[str]:
    for variable, processes in OPTIONAL.items():
        everybody = f"${{var.{variable}}}"
        for name in ("api", "worker"):
            blocks = [row["env"] for row in _container(files, name)["dynamic"] if "env" in row]
            has_it = any(block["for_each"] == everybody for block in blocks)
            if has_it is not (name in processes):
                yield f"{name}: var.{variable} is for {' and '.join(processes)}"
            readers = [
                body
                for body in files["resource"]["google_secret_manager_secret_iam_member"].values()
                if body.get("for_each") == everybody and f"account.{name}." in body["member"]
            ]
            if bool(readers) is not has_it:
                yield f"{name}: it is given var.{variable} and may not read them, or may and is not"
    condition = str(files["variable"]["chat_secrets"]["validation"][0]["condition"])
    for name in _CHAT:
        if name not in condition:
            yield f"var.chat_secrets: it does not take {name}"


def _check_containers(files: Files) -> Iterator[str]:
    for name in READERS:
        revision, container = _revision(files, name), _container(files, name)
        image = container["image"]
        if image != "${var.image}" and not _PINNED.fullmatch(image):
            yield f"{name}: its image is not named by digest"
        if not re.search(rf"google_service_account\.{name}\.email", revision["service_account"]):
            yield f"{name}: it has no service account of its own"
        if "cpu" not in str(container["resources"]) or "memory" not in str(container["resources"]):
            yield f"{name}: it has no limits"
        if revision["vpc_access"][0]["egress"] != "PRIVATE_RANGES_ONLY":
            yield f"{name}: what goes to the internet passes the private network"
    condition = files["variable"]["image"]["validation"][0]["condition"]
    if "@sha256:[0-9a-f]{64}$" not in condition:
        yield "var.image: it takes what is no digest"


def _check_api(files: Files) -> Iterator[str]:
    service, container = files["resource"][_KINDS["api"]]["api"], _container(files, "api")
    for probe in ("startup_probe", "liveness_probe"):
        if "'path': '/docs'" not in str(container.get(probe)):
            yield f"api: its {probe} does not ask whether the process answers"
    revision = _revision(files, "api")
    scaling = revision["scaling"][0]
    if not {"min_instance_count", "max_instance_count"} <= set(scaling):
        yield "api: it has no bounds"
    if not 0 < revision.get("max_instance_request_concurrency", 0) <= 200:
        yield "api: it has no limit of requests at a time"
    if service["ingress"] != "${var.ingress}" or service.get("deletion_protection") is not True:
        yield "api: who reaches it is no choice, or it can be deleted by mistake"
    if not _variables(files, "api")[0].get("KOVA_TRUSTED_PROXIES", "").endswith('? "2" : "1"}'):
        yield "api: everybody can claim any address"
    pool = files["resource"][_KINDS["worker"]]["worker"]
    if pool["scaling"][0].get("manual_instance_count") != "${var.workers}":
        yield "worker: how many there are is no choice"
    if _variables(files, "worker")[0].get("KOVA_WORKER_CONCURRENCY") != "1":
        yield "worker: programs of two repositories run side by side"


def _check_order(files: Files) -> Iterator[str]:
    for name in ("api", "worker"):
        after = files["resource"][_KINDS[name]][name].get("depends_on", [])
        if "${google_cloud_run_v2_job.migrate}" not in after:
            yield f"{name}: it is replaced before the database is migrated"
    migrate = files["resource"][_KINDS["migrate"]]["migrate"]
    if "var.image" not in migrate.get("run_execution_token", ""):
        yield "migrate: a new image is no reason to migrate"
    scheduler = files["resource"]["google_cloud_scheduler_job"]["backup"]
    if "google_cloud_run_v2_job.backup.name" not in scheduler["http_target"][0]["uri"]:
        yield "backup: nothing starts it"


def _check_database(files: Files) -> Iterator[str]:
    instance = files["resource"]["google_sql_database_instance"]["kova"]
    settings = instance["settings"][0]
    network, backup = settings["ip_configuration"][0], settings["backup_configuration"][0]
    if int(instance["database_version"].removeprefix("POSTGRES_")) < 16:
        yield "database: it is older than Postgres 16"
    if network["ipv4_enabled"] is not False or "private_network" not in network:
        yield "database: it has a public address"
    if network.get("ssl_mode") != "ENCRYPTED_ONLY":
        yield "database: it can be reached without TLS"
    if not backup["enabled"] or not backup.get("point_in_time_recovery_enabled"):
        yield "database: it has no backups"
    if not instance["deletion_protection"] or not settings["deletion_protection_enabled"]:
        yield "database: it can be deleted by mistake"
    if "sslmode=verify-ca&sslrootcert=/secrets/database/" not in files["locals"]["database_url"]:
        yield "database: nobody looks whether it is the right one"
    if "password" in files["resource"]["google_sql_user"]["kova"]:
        yield "database: its password gets into the state"


def _check_cache(files: Files) -> Iterator[str]:
    cache = files["resource"]["google_redis_instance"]["kova"]
    if cache.get("auth_enabled") is not True:
        yield "cache: it asks for no password"
    if cache.get("transit_encryption_mode") != "SERVER_AUTHENTICATION":
        yield "cache: it is reached without TLS"
    address = files["locals"]["redis_url"]
    if not address.startswith("rediss://") or "ssl_ca_certs=/secrets/redis/" not in address:
        yield "cache: nobody looks whether it is the right one"


def _check_access(files: Files) -> Iterator[str]:
    for kind, bodies in files["resource"].items():
        for name, body in bodies.items():
            if "_iam_" in kind and body["role"] not in _ROLES:
                yield f"{kind}.{name}: {body['role']} allows more than is needed"
            if kind.startswith("google_project_iam"):
                yield f"{kind}.{name}: it is about the whole project"
            if body.get("member") in {"allUsers", "allAuthenticatedUsers"}:
                yield f"{kind}.{name}: it is for everybody"
    bucket = files["resource"]["google_storage_bucket"]["backups"]
    if bucket.get("public_access_prevention") != "enforced":
        yield "backups: they could be made public"


def _check_watching(files: Files) -> Iterator[str]:
    policies = files["resource"]["google_monitoring_alert_policy"]
    if missing := {"failures", "slow", "workers", "jobs", "health"} - set(policies):
        yield f"alarms: {sorted(missing)} are missing"
    for name, policy in policies.items():
        if not policy.get("notification_channels"):
            yield f"{name}: it tells nobody"
    logs = files["resource"]["google_logging_project_bucket_config"]["logs"]
    if logs.get("retention_days") != "${var.log_days}":
        yield "logs: how long they are kept is no choice"
