"""`kova up`: the whole service on one machine, each part replaceable from outside."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from kova.adapters.env_file import EnvironmentFileError, read_environment
from kova.bootstrap.settings import load_cdn_settings
from kova.shared.exceptions import KovaError
from kova.web.origin import HEADER
from kova_server.embedded.app_watch import AppWatch
from kova_server.embedded.files import Announce, close_folders, remembered_secret
from kova_server.embedded.github import (
    PRACTICE_TOKEN,
    GitHubPlan,
    github_service,
    github_settings,
    plan_github,
)
from kova_server.embedded.models import (
    models_service,
    models_settings,
    wants_practice_models,
)
from kova_server.embedded.outside import read_outside
from kova_server.embedded.ports import is_free, remembered_port
from kova_server.embedded.postgres import Postgres
from kova_server.embedded.queues import aws_settings, create_queues, sqs_service
from kova_server.embedded.sample import push_sample
from kova_server.embedded.service import Service, StartError, reap
from kova_server.embedded.supervisor import Supervisor
from kova_server.embedded.valkey import Valkey

__all__ = ["StackOptions", "read_environment", "up"]


_PRIVATE: Final = 0o077


class StackError(KovaError):
    """The stack cannot start."""

    reason = "stack"


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """The data folder, the port, and the environment's variables.

    `setup` leaves the App of the practice GitHub aside, so that /setup makes one. With `build`, a
    folder of built functions, those run in place of the server and the worker. `sample` gives the
    practice GitHub a repository to look at, `folders` those that others may be made from.
    """

    data_folder: Path
    port: int
    environment: Mapping[str, str]
    setup: bool = False
    build: Path | None = None
    sample: bool = False
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What the command line provides: the stack knows neither the schema nor who may call."""

    migrate: Callable[[Mapping[str, str]], None]
    create_key: Callable[[Mapping[str, str]], str]
    make_link: Callable[[Mapping[str, str]], str]
    announce: Announce


def up(options: StackOptions, hooks: Hooks) -> int:
    """Run the stack until Ctrl-C or SIGTERM.

    Returns:
        0 after a clean stop, 1 when a part failed, 2 when it could not start.
    """
    os.umask(_PRIVATE)
    folder = options.data_folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    close_folders(folder)
    try:
        with _lock(folder):
            if not is_free(options.port):
                raise StackError(f"Port {options.port} is taken: choose another one with --port.")
            return _run(folder, options, hooks)
    except (StackError, StartError) as exc:
        sys.stderr.write(f"kova: {exc.message}\n")
        return 1 if isinstance(exc, StartError) else 2


def _run(folder: Path, options: StackOptions, hooks: Hooks) -> int:
    supervisor = Supervisor(folder)
    with supervisor.counting_signals((signal.SIGINT, signal.SIGTERM)), ExitStack() as cleanup:
        cleanup.callback(supervisor.stop)
        for name in reap(folder):
            hooks.announce(f"ended a process that an earlier run left behind: {name}")
        outside = read_outside(options.environment)
        plan = plan_github(outside, folder, setup=options.setup)
        if options.folders and not plan.practice:
            raise StackError("--folder is for the practice GitHub, and another one is configured.")
        token = secrets.token_hex(16) if options.sample or options.folders else None
        served = start_services(
            supervisor,
            folder,
            outside,
            plan=plan,
            announce=hooks.announce,
            practice_token=token,
            practice_folders=options.folders,
        )
        hooks.migrate(served)
        settings = {**served, "KOVA_API_KEY": _api_key(folder, served, hooks)}
        if token and plan.practice:
            settings[PRACTICE_TOKEN] = token
        app = AppWatch(plan, settings, outside, folder / "kova.env", hooks.announce)
        app.write_settings()
        # Keys of people and of the practice GitHub are in the file alone.
        variables = {**served, **app.setup_variables()}
        if options.build is None:
            _start_kova(supervisor, options.port, served, variables)
        else:
            _start_functions(supervisor, options, options.build, variables)
        link = hooks.make_link(settings)
        for line in [*_welcome(options, settings, link), *app.welcome(options.port)]:
            hooks.announce(line)
        if options.sample and token and plan.practice and plan.app_file is None:
            github = settings["KOVA_GITHUB_API_URL"]
            hooks.announce(push_sample(github, token, options.port))
        supervisor.watch(app.look)
        hooks.announce("stopping ...")
    return 0


def start_services(
    supervisor: Supervisor,
    folder: Path,
    outside: Mapping[str, str],
    *,
    fsync: bool = True,
    plan: GitHubPlan | None = None,
    announce: Announce = lambda _: None,
    practice_token: str | None = None,
    practice_folders: Sequence[Path] = (),
) -> dict[str, str]:
    """Start the services that `outside` does not configure, and return all settings."""

    def port_of(name: str) -> int:
        return remembered_port(folder / "ports.json", name, announce)

    plan = plan or plan_github(outside, folder, setup=False)
    settings = {"KOVA_ENV": "local", **outside}
    if not outside.get("KOVA_DATABASE_URL"):
        port = port_of("postgres")
        postgres = Postgres(folder=folder / "postgres", port=port, fsync=fsync)
        supervisor.start(postgres.service(), seconds=120)
        settings["KOVA_DATABASE_URL"] = postgres.url
    if not outside.get("KOVA_REDIS_URL"):
        valkey = Valkey(folder=folder / "valkey", port=port_of("valkey"))
        supervisor.start(valkey.service())
        settings["KOVA_REDIS_URL"] = valkey.url
    if not outside.get("KOVA_SCAN_QUEUE_URL"):
        endpoint = outside.get("AWS_ENDPOINT_URL_SQS")
        if not endpoint:
            port = port_of("sqs")
            supervisor.start(sqs_service(port, folder / "sqs"))
            endpoint = f"http://127.0.0.1:{port}"
            settings |= aws_settings(endpoint)
        settings |= create_queues(endpoint)
    if not outside.get("KOVA_SECRETS_KEY"):
        settings["KOVA_SECRETS_KEY"] = remembered_secret(folder / "secrets-key", announce)
    if not outside.get("KOVA_SIGNING_KEY"):
        settings["KOVA_SIGNING_KEY"] = remembered_secret(folder / "signing-key", announce)
    secret = outside.get("KOVA_GITHUB_WEBHOOK_SECRET") or remembered_secret(
        folder / "webhook-secret", announce
    )
    if plan.practice:
        practice = github_service(
            port_of("github"),
            folder / "github",
            secret.split(",")[0],
            practice_token,
            practice_folders,
        )
        supervisor.start(practice)
    settings |= _github_settings(folder, outside, plan, secret)
    if wants_practice_models(outside):
        port = port_of("models")
        supervisor.start(models_service(port), seconds=60)
        settings |= models_settings(port)
    return settings


def _github_settings(
    folder: Path, outside: Mapping[str, str], plan: GitHubPlan, secret: str
) -> dict[str, str]:
    settings: dict[str, str] = {}
    if plan.practice:
        settings = github_settings(folder / "github")
    elif not outside.get("KOVA_GITHUB_API_URL") and plan.stored.get("KOVA_GITHUB_API_URL"):
        settings["KOVA_GITHUB_API_URL"] = plan.stored["KOVA_GITHUB_API_URL"]
    if plan.app_file is None:
        return settings | {"KOVA_GITHUB_WEBHOOK_SECRET": secret}
    # Its processes read the file themselves, and again when it changes.
    for name in ("KOVA_GITHUB_APP_ID", "KOVA_GITHUB_PRIVATE_KEY"):
        settings.pop(name, None)
    return settings | {"KOVA_GITHUB_APP_FILE": str(plan.app_file)}


def _start_kova(
    supervisor: Supervisor,
    port: int,
    settings: Mapping[str, str],
    api_settings: Mapping[str, str],
) -> None:
    kova = [sys.executable, "-m", "kova_server"]
    supervisor.start(
        Service(
            name="api",
            command=[*kova, "serve", "--port", str(port)],
            environment=api_settings,
            is_ready=lambda: _is_healthy(port, api_settings, seconds=3),
            stop_seconds=15.0,
        ),
        seconds=60,
    )
    # The worker finishes its jobs first; a job that takes longer is cut off and done again.
    supervisor.start(
        Service(name="worker", command=[*kova, "worker"], environment=settings, stop_seconds=20.0)
    )


def _start_functions(
    supervisor: Supervisor, options: StackOptions, build: Path, settings: Mapping[str, str]
) -> None:
    command = [sys.executable, "-m", "kova_server.local_lambda", "--port", str(options.port)]
    command += ["--build", str(build), "--data", str(options.data_folder.resolve())]
    supervisor.start(
        Service(
            name="lambda",
            command=command,
            environment=settings,
            # A question that is given up early would start another environment.
            is_ready=lambda: _is_healthy(options.port, settings, seconds=30),
            stop_seconds=20.0,
        ),
        seconds=90,
    )


def _is_healthy(port: int, settings: Mapping[str, str], seconds: float) -> bool:
    cdn_secrets = load_cdn_settings(settings).origin_secrets
    headers = {HEADER: cdn_secrets[0]} if cdn_secrets else {}
    address = f"http://127.0.0.1:{port}/health"
    try:
        answer = httpx.get(address, headers=headers, timeout=seconds)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


def _api_key(folder: Path, settings: Mapping[str, str], hooks: Hooks) -> str:
    file = folder / "kova.env"
    try:
        earlier = read_environment(file) if file.exists() else {}
    except EnvironmentFileError as exc:
        hooks.announce(f"{exc.message} A new API key is made.")
        earlier = {}
    if earlier:
        same_database = earlier.get("KOVA_DATABASE_URL") == settings["KOVA_DATABASE_URL"]
        if same_database and earlier.get("KOVA_API_KEY"):
            return earlier["KOVA_API_KEY"]
    return hooks.create_key(settings)


def _welcome(options: StackOptions, settings: Mapping[str, str], link: str) -> list[str]:
    address = f"http://127.0.0.1:{options.port}"
    return [
        f"Kova is up on {address}   (Ctrl-C stops it)",
        "Open its pages by this link, and press its button (that works once):",
        f"  {link}",
        f"  API key           {settings['KOVA_API_KEY']}",
        f"  every setting     {options.data_folder / 'kova.env'}",
        f"  GitHub            {settings.get('KOVA_GITHUB_API_URL', 'https://api.github.com')}",
        f"  webhook address   {address}/webhooks/github",
        "Try:",
        f'  curl -s -H "Authorization: Bearer {settings["KOVA_API_KEY"]}" {address}/api/scans',
        "  kova scan .",
    ]


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Lock the folder for this process.

    Raises:
        StackError: another process has locked it.
    """
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StackError(f"Process {file.read().strip()} runs a stack in {folder}.") from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def services(folder: Path) -> Iterator[dict[str, str]]:
    """Run only Postgres (without fsync), Valkey and SQS, for tests; yield their settings."""
    supervisor = Supervisor(folder)
    outside = {"KOVA_GITHUB_API_URL": "http://127.0.0.1:9", "KOVA_GITHUB_WEBHOOK_SECRET": "unused"}
    try:
        yield start_services(supervisor, folder, outside, fsync=False)
    finally:
        supervisor.stop()
