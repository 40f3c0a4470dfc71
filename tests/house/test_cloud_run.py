"""The files of Cloud Run: the provider knows every argument, and each rule sees its mistake."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
import redis.asyncio

from kova.bootstrap.settings import load_settings
from kova_server.google_credentials import AUDIENCE
from kova_server.local_lambda.template import read_template as read_with_functions
from kova_server.worker import NEEDED, NEEDED_IN_PRODUCTION
from tests.checks.cloud_run import FOLDER, QUEUES, check_rules
from tests.checks.template import NESTED
from tests.checks.terraform import PYTHON, check_files, read_files
from tests.support import cloudformation

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="`make check` sets the arguments up")
SERVICE: Final = "resource.google_cloud_run_v2_service.api"
CONTAINER: Final = f"{SERVICE}.template.0.containers.0"
POOL: Final = "resource.google_cloud_run_v2_worker_pool.worker"
MIGRATE: Final = "resource.google_cloud_run_v2_job.migrate"
BACKUP: Final = "resource.google_cloud_run_v2_job.backup"
DATABASE: Final = "resource.google_sql_database_instance.kova"
CACHE: Final = "resource.google_redis_instance.kova"
PASSWORD: Final = {"name": "KOVA_METRICS_TOKEN", "value": "token", "__is_block__": True}


@cache
def files() -> dict[str, Any]:
    return read_files(FOLDER)


def planted(path: str, value: Any) -> dict[str, Any]:
    """Return the files with another value at a path; None removes it."""
    changed = copy.deepcopy(files())
    *parts, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place: Any = changed
    for part in parts:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed


def test_the_provider_knows_all_of_it_and_no_rule_is_broken() -> None:
    assert check_files(files()) == []
    assert check_rules(files()) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{SERVICE}.ingres", "x", "ingres is no argument"),
        (f"{SERVICE}.location", None, "location is missing"),
        (f"{CONTAINER}.volume_mount", [], "volume_mount is no argument"),
        (f"{CONTAINER}.resources.0.cpu_idle", "yes", "cpu_idle is no bool"),
        (f"{CONTAINER}.args", "serve", "args is no list"),
        (f"{CONTAINER}.startup_probe.0.http_get", {"path": "/"}, "http_get is a block"),
        (f"{CONTAINER}.dynamic.5.volume_mounts.content.0.path", "/", "volume_mounts: path is no"),
        (f"{DATABASE}.settings.0.backup_configuration.0.backup_retention_settings.0.retained_backups", None, "is missing"),
        (f"{DATABASE}.settings", [{"tier": "a", "__is_block__": True}] * 2, "stands there 2 times"),
        ("resource.google_sql_databases", {"a": {}}, "no such resource"),
        (f"{MIGRATE}.depends_on.0", "${google_sql_user.other}", "no google_sql_user.other"),
        (f"{POOL}.location", "${google_redis_instance.kova.hosts}", "has no hosts"),
        (f"{POOL}.location", "${var.zone}", "there is no var.zone"),
        (f"{POOL}.location", "${local.zone}", "there is no local.zone"),
        (f"{POOL}.location", "${var.queues.regions}", "has no regions"),
        ("variable.zone", {"type": "string"}, "var.zone is used nowhere"),
    ],
)  # fmt: skip
def test_what_the_provider_does_not_know_is_seen(path: str, value: Any, problem: str) -> None:
    problems = check_files(planted(path, value))
    assert any(problem in text for text in problems), problems


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{CONTAINER}.env.0.name", "KOVA_PUBLIC", "KOVA_PUBLIC is no setting"),
        (f"{CONTAINER}.env.2", PASSWORD, "stands in plain text"),
        ("locals.database_url", "postgresql://kova:pass@host/kova?sslmode=verify-ca&sslrootcert=/secrets/database/ca.pem", "stands in plain text"),
        ("locals.variables.KOVA_FIX_QUEUE_URL", None, "worker: KOVA_FIX_QUEUE_URL is missing"),
        ("locals.secret_variables.KOVA_SECRETS_KEY", None, "KOVA_SECRETS_KEY is missing"),
        ("locals.secret_variables.KOVA_SIGNING_KEY", None, "KOVA_SIGNING_KEY is missing"),
        ("locals.secret_variables.KOVA_SECRETS_KEY", "kova-metrics-token", "names other secrets"),
        ("locals.variables.KOVA_PUBLIC_URL", None, "worker: KOVA_PUBLIC_URL is missing"),
        (f"{CONTAINER}.dynamic.3.env.for_each", "${local.variables}", "api: var.chat_secrets is for"),
        (f"{POOL}.template.0.containers.0.dynamic.3.env.for_each", "${var.sign_in_secrets}", "worker: var.sign_in_secrets is for api"),
        ("resource.google_secret_manager_secret_iam_member.chats_of_worker", None, "worker: it is given var.chat_secrets"),
        ("variable.chat_secrets.validation.0.condition", "${true}", "does not take SLACK_BOT_TOKEN"),
        ("locals.readers.worker", '${toset(["metrics-token"])}', "worker: it may read"),
        (f"{BACKUP}.template.0.template.0.containers.0.env.1.name", "PGHOST", "backup: KOVA_DATABASE_URL is missing"),
        (f"{BACKUP}.template.0.template.0.containers.0.image", "docker.io/library/postgres:18", "by digest"),
        (f"{CONTAINER}.image", "registry/kova:latest", "by digest"),
        ("variable.image.validation.0.condition", "${true}", "takes what is no digest"),
        (f"{POOL}.template.0.service_account", "${data.google_service_account.api.email}", "of its own"),
        (f"{POOL}.template.0.vpc_access.0.egress", "ALL_TRAFFIC", "private network"),
        (f"{POOL}.template.0.containers.0.resources.0.limits", {}, "no limits"),
        (f"{CONTAINER}.liveness_probe", None, "liveness_probe"),
        (f"{CONTAINER}.startup_probe.0.http_get.0.path", "/health", "startup_probe"),
        (f"{CONTAINER}.env.0.value", "*", "claim any address"),
        (f"{SERVICE}.template.0.scaling.0.max_instance_count", None, "no bounds"),
        (f"{SERVICE}.template.0.max_instance_request_concurrency", 1000, "no limit of requests"),
        (f"{SERVICE}.deletion_protection", False, "deleted by mistake"),
        (f"{POOL}.scaling.0.manual_instance_count", 1, "is no choice"),
        (f"{SERVICE}.depends_on", [], "before the database is migrated"),
        (f"{MIGRATE}.run_execution_token", "once", "no reason to migrate"),
        ("resource.google_cloud_scheduler_job.backup.http_target.0.uri", "https://example.com", "nothing starts it"),
        (f"{DATABASE}.database_version", "POSTGRES_15", "older than Postgres 16"),
        (f"{DATABASE}.settings.0.ip_configuration.0.ipv4_enabled", True, "public address"),
        (f"{DATABASE}.settings.0.ip_configuration.0.ssl_mode", "ALLOW_UNENCRYPTED_AND_ENCRYPTED", "without TLS"),
        (f"{DATABASE}.settings.0.backup_configuration.0.enabled", False, "no backups"),
        (f"{DATABASE}.deletion_protection", False, "deleted by mistake"),
        ("locals.database_url", "postgresql://kova@host/kova?sslmode=require", "the right one"),
        ("resource.google_sql_user.kova.password", "secret", "into the state"),
        ("resource.google_secret_manager_secret_version.generated.secret_data", "x", "into the state"),
        (f"{CACHE}.auth_enabled", False, "no password"),
        (f"{CACHE}.transit_encryption_mode", "DISABLED", "without TLS"),
        ("locals.redis_url", "rediss://host:6379/0", "the right one"),
        ("resource.google_storage_bucket_iam_member.backup.role", "roles/storage.admin", "allows more"),
        ("resource.google_cloud_run_v2_job_iam_member.scheduler.member", "allUsers", "for everybody"),
        ("resource.google_storage_bucket.backups.public_access_prevention", "inherited", "made public"),
        ("resource.google_monitoring_alert_policy.jobs", None, "['jobs'] are missing"),
        ("resource.google_monitoring_alert_policy.slow.notification_channels", [], "tells nobody"),
        ("resource.google_logging_project_bucket_config.logs.retention_days", 3650, "is no choice"),
    ],
)  # fmt: skip
def test_a_mistake_is_seen(path: str, value: Any, problem: str) -> None:
    problems = check_rules(planted(path, value))
    assert any(problem in text for text in problems), problems


def test_a_process_starts_with_what_it_is_given(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.write_text("")
    values = {
        "google_sql_database_instance.kova.private_ip_address": "10.1.2.3",
        "google_redis_instance.kova.host": "10.1.2.4",
        "google_redis_instance.kova.port": "6378",
        "local.database_url": files()["locals"]["database_url"],
        "local.redis_url": files()["locals"]["redis_url"],
        "var.github_api_url": "https://api.github.com",
        "var.public_url": "https://kova.example.com",
        "var.allowed_owners": "octo",
        "var.google_hosted_domain": "example.com",
        "var.admins": "ann@example.com",
        "var.members": "",
        "var.viewers": "",
        "var.deleted_repository_days": "30",
        "var.queues.region": "eu-central-1",
        **{
            f"var.queues.{name}_url": f"https://sqs.example.com/{name}"
            for name in ("scan", "fix", "command")
        },
    }

    def apply(text: str) -> str:
        while "${" in text:
            text = re.sub(r"\$\{([^}]*)\}", lambda match: values[match[1]], text)
        return re.sub(r"/secrets/(database|redis)/ca.pem", str(certificate), text)

    plain = {name: apply(text) for name, text in files()["locals"]["variables"].items()}
    secret = dict.fromkeys(files()["locals"]["secret_variables"], "a b/c@d")
    settings = load_settings(
        {**plain, **secret}, needed=NEEDED, needed_in_production=NEEDED_IN_PRODUCTION
    )
    assert "10.1.2.3:5432" in str(settings.database_url)
    assert settings.redis_url is not None
    # The certificate counts, and not the name in it.
    pool = redis.asyncio.ConnectionPool.from_url(settings.redis_url)
    connection = pool.make_connection()
    assert isinstance(connection, redis.asyncio.SSLConnection)
    assert (connection.ca_certs, connection.check_hostname) == (str(certificate), False)
    assert connection.password == "a b/c@d"


def test_the_image_has_what_the_variables_name() -> None:
    version = re.findall(r"^FROM python:(\d\.\d+)", Path("Dockerfile").read_text(), re.MULTILINE)[
        -1
    ]
    file = Path(files()["locals"]["variables"]["AWS_CONFIG_FILE"])
    assert file.parent == Path(f"/kova/lib/python{version}/site-packages/kova_server")
    assert Path("server/kova_server", file.name).exists()


def test_the_page_makes_a_restore_of_the_backup_job() -> None:
    job = files()["resource"]["google_cloud_run_v2_job"]["backup"]["template"][0]["template"][0]
    (container,) = job["containers"]
    (mount,) = [row for row in container["volume_mounts"] if row["name"] == "backups"]
    assert container["args"][:2] == ["backup", mount["mount_path"]]
    page = Path("docs/deploy-cloud-run.md").read_text()
    (shown,) = re.findall(r"--args (restore,\S+)", page)
    assert re.fullmatch(rf"restore,{mount['mount_path']}/kova-\d{{8}}T\d+Z\.dump,--replace", shown)


@pytest.mark.usefixtures("aws")
def test_the_queues_in_aws_trust_one_service_account_each() -> None:
    accounts = {"ApiAccount": "1" * 21, "WorkerAccount": "2" * 21}
    stack = cloudformation.create_stack(read_with_functions(QUEUES), accounts, (NESTED,))
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    wanted = set(re.findall(r"(\w+)\s*=", files()["variable"]["queues"]["type"]))
    assert {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower() for name in outputs} == wanted
    iam = boto3.client("iam")
    allowed = {"ApiRole": ("SendScan", "WorkScan"), "WorkerRole": ("WorkScan", "SendFix")}
    for role, (policy, other) in allowed.items():
        name = outputs[role].rpartition("/")[2]
        document = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        trust = document if isinstance(document, dict) else json.loads(document)
        (statement,) = trust["Statement"]
        account = accounts[role.replace("Role", "Account")]
        assert statement["Principal"] == {"Federated": "accounts.google.com"}
        assert statement["Condition"]["StringEquals"] == {
            "accounts.google.com:oaud": AUDIENCE,
            "accounts.google.com:sub": account,
        }
        attached = str(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"])
        assert policy in attached
        assert other not in attached
