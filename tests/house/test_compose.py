"""docker-compose.yml hands every setting to Kova, and any password to Postgres."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql

from kova.adapters.postgres.migrate import migrate
from kova.adapters.postgres.pool import Database
from kova.bootstrap.settings import load_settings
from kova.bootstrap.setup import setup_token
from kova_server.embedded.valkey import find_valkey
from tests.support.eventually import eventually
from tests.support.image import read_dockerfile
from tests.support.kova_process import run_command
from tests.support.ports import own_port
from tests.watching.conftest import running

ROOT = Path(__file__).parents[2]
PASSWORD = "p@s/w:r#d%40$x &"
NOT_SET_BY_PEOPLE = {
    "AWS_ENDPOINT_URL_SQS",
    "AWS_LAMBDA_FUNCTION_NAME",
    "KOVA_ADMIN_KEY_SECRET_ARN",
    "KOVA_TRUSTED_PROXIES",
}
COMPOSE_FILE = (ROOT / "docker-compose.yml").read_text()
NEEDED = {
    *("KOVA_DATABASE_PASSWORD", "KOVA_REDIS_PASSWORD", "KOVA_SECRETS_KEY", "KOVA_SIGNING_KEY"),
}
FORMS = ("tls", "tunnel")
# A name with a digest is the same for ever; this one is built here.
OWN_IMAGE = "kova:local"
# Of these an exit is all that there is to see, and it starts them again.
WITHOUT_HEALTH = {"migrate", "worker", "tunnel"}


class Recorder(dict[str, str]):
    """An environment that notes which variables are read."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names.add(key)
        return default


def compose(
    folder: Path, variables: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Ask compose for what it makes of its files where .env holds these variables."""
    (folder / "docker-compose.yml").write_text(COMPOSE_FILE)
    shutil.copytree(ROOT / "deploy/compose", folder / "deploy/compose", dirs_exist_ok=True)
    lines = [f"{name}='{value}'\n" for name, value in variables.items()]
    (folder / ".env").write_text("".join(lines))
    program = Path(sys.executable).with_name("docker-compose")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("KOVA_")}
    return subprocess.run(
        [str(program), *arguments, "config", "--format", "json"],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )


def configuration(folder: Path, *forms: str) -> dict[str, Any]:
    """Return all of compose's configuration in its forms, with values that nobody would choose."""
    names = (*NEEDED, "KOVA_HOST", "KOVA_TLS_FOLDER", "KOVA_TUNNEL_TOKEN")
    files = ["docker-compose.yml", *(f"deploy/compose/{form}.yml" for form in forms)]
    arguments = [part for file in files for part in ("-f", file)]
    process = compose(folder, dict.fromkeys(names, "x"), *arguments, "--profile", "*")
    assert process.returncode == 0, process.stderr
    parsed: dict[str, Any] = json.loads(process.stdout)
    return parsed


def environment_of(service: str, folder: Path, **variables: str) -> dict[str, str]:
    """Return what compose gives to a service where .env holds these variables."""
    process = compose(folder, variables)
    assert process.returncode == 0, process.stderr
    shown = json.loads(process.stdout)["services"][service]["environment"]
    return {name: value.replace("$$", "$") for name, value in shown.items()}


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    """A role whose password holds what means something in a URL; it owns the database."""
    name = f"role_{uuid.uuid4().hex}"
    database = sql.Identifier(urlsplit(database_url).path[1:])
    with psycopg.connect(database_url, autocommit=True) as connection:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(create.format(sql.Identifier(name), sql.Literal(PASSWORD)))
        connection.execute("DROP SCHEMA public CASCADE")
        own = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        connection.execute(own.format(database, sql.Identifier(name)))
        connection.execute(
            sql.SQL("CREATE SCHEMA public AUTHORIZATION {}").format(sql.Identifier(name))
        )
        yield name
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(database))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_the_example_names_every_setting() -> None:
    recorder = Recorder()
    load_settings(recorder)
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))
    files = [COMPOSE_FILE, *(path.read_text() for path in (ROOT / "deploy/compose").glob("*.yml"))]
    of_compose = {
        name for text in files for name in re.findall(r"\$\{(KOVA_\w+)|: (KOVA_\w+)\}", text)
    }
    of_compose = {name for pair in of_compose for name in pair if name} | {
        "COMPOSE_FILE",
        "COMPOSE_PROFILES",
    }
    assert named == (recorder.names | of_compose) - NOT_SET_BY_PEOPLE


def test_three_lines_are_enough_to_start(tmp_path: Path) -> None:
    assert compose(tmp_path, dict.fromkeys(NEEDED, "x")).returncode == 0
    for missing in NEEDED:
        process = compose(tmp_path, dict.fromkeys(NEEDED - {missing}, "x"))
        assert process.returncode != 0
        assert missing in process.stderr
    first = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(first) == NEEDED


@pytest.mark.parametrize("forms", [(), FORMS])
def test_a_service_is_pinned_bounded_and_watched(forms: tuple[str, ...], tmp_path: Path) -> None:
    services = configuration(tmp_path, *forms)["services"]
    for name, service in services.items():
        digest = re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", service["image"])
        assert digest or service["image"] == OWN_IMAGE, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0, name
        has_health = not service.get("healthcheck", {"disable": True}).get("disable")
        # The image of the API has a check of its own.
        assert has_health == (name not in WITHOUT_HEALTH | {"api"}), name


def test_only_nginx_is_reached_from_outside_and_only_by_choice(tmp_path: Path) -> None:
    published = {
        form: {
            name: {port.get("host_ip") for port in service["ports"]}
            for name, service in configuration(tmp_path, *form)["services"].items()
            if "ports" in service
        }
        for form in ((), ("tls",))
    }
    assert published[()] == {name: {"127.0.0.1"} for name in ("nginx", "prometheus", "grafana")}
    assert published["tls",]["nginx"] == {None}


def test_the_api_believes_the_proxy_and_nobody_else(tmp_path: Path) -> None:
    shown = configuration(tmp_path, *FORMS)
    services = shown["services"]
    proxy = services["nginx"]["networks"]["front"]["ipv4_address"]
    assert services["api"]["environment"]["KOVA_TRUSTED_PROXIES"] == proxy
    tunnel = services["tunnel"]["networks"]["front"]["ipv4_address"]
    assert services["nginx"]["environment"]["KOVA_OUTER_PROXY"] == tunnel
    # What gets an address by itself never gets one of theirs.
    (pool,) = shown["networks"]["front"]["ipam"]["config"]
    for address in map(ipaddress.ip_address, (proxy, tunnel)):
        assert address in ipaddress.ip_network(pool["subnet"])
        assert address not in ipaddress.ip_network(pool["ip_range"])


def test_stores_have_no_way_out(tmp_path: Path) -> None:
    shown = configuration(tmp_path)
    assert shown["networks"]["back"]["internal"]
    for name in ("postgres", "redis", "sqs", "backup", "migrate"):
        assert set(shown["services"][name]["networks"]) == {"back"}, name


@pytest.mark.parametrize("service", ["api", "worker"])
def test_the_setup_has_a_place_for_the_app_that_all_share(service: str, tmp_path: Path) -> None:
    shown = configuration(tmp_path)["services"][service]
    settings = load_settings({**shown["environment"], "KOVA_SETUP_TOKEN": "x" * 24})
    assert settings.setup.app_file is not None
    (volume,) = shown["volumes"]
    assert volume["source"] == "github-app"
    assert Path(settings.setup.app_file).parent == Path(volume["target"])
    # And so it is open.
    assert setup_token(settings) == "x" * 24


def test_backups_are_made_by_the_servers_own_version(tmp_path: Path) -> None:
    services = configuration(tmp_path)["services"]
    dockerfile = read_dockerfile((ROOT / "Dockerfile").read_text())
    assert dockerfile.images["postgres"] == services["postgres"]["image"]
    assert services["backup"]["image"] == services["api"]["image"]
    # Its volume is the folder that the image has for it.
    (volume,) = services["backup"]["volumes"]
    assert any(volume["target"] in step for step in dockerfile.run[""])
    assert services["backup"]["command"][1] == volume["target"]


def test_every_file_that_is_mounted_is_there(tmp_path: Path) -> None:
    for service in configuration(tmp_path)["services"].values():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                place = Path(volume["source"]).relative_to(tmp_path)
                assert (ROOT / place).exists(), place


@pytest.mark.parametrize("password", ["plain", 'a"b\\c $d `e` %s\\n', "p@s/w:r#d%40 '&"])
def test_valkey_takes_any_password_and_asks_for_it(password: str, tmp_path: Path) -> None:
    (tmp_path / "valkey-server").symlink_to(find_valkey())
    port = own_port()
    start = ["sh", str(ROOT / "deploy/valkey/start.sh"), "--save", "", "--port", str(port)]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "KOVA_REDIS_PASSWORD": password}
    with running(start, tmp_path / "log", variables) as process:

        def answers() -> bool:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                with redis.Redis(port=port, password=password) as client:
                    return bool(client.ping())
            except redis.ConnectionError:
                return False

        eventually(answers, 30)
        with redis.Redis(port=port) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert password.encode() not in command


@pytest.mark.parametrize("service", ["api", "worker", "migrate"])
def test_every_setting_of_the_example_reaches_kova(service: str, tmp_path: Path) -> None:
    recorder = Recorder()
    load_settings(recorder)
    names = recorder.names - NOT_SET_BY_PEOPLE
    values = {name: f"value of {name}" for name in names}
    reached = environment_of(service, tmp_path, **values)
    assert {name: reached.get(name) for name in names} == values


async def test_a_password_may_hold_any_character(
    role: str, database_url: str, tmp_path: Path
) -> None:
    needed = dict.fromkeys(NEEDED - {"KOVA_DATABASE_PASSWORD"}, "x")
    environment = environment_of("api", tmp_path, KOVA_DATABASE_PASSWORD=PASSWORD, **needed)
    server = urlsplit(database_url)
    # The server of the tests instead of compose's, and its role.
    place = f"{role}@{server.hostname}:{server.port}{server.path}"
    url = environment["KOVA_DATABASE_URL"].replace("kova@postgres:5432/kova", place)
    settings = load_settings({**environment, "KOVA_DATABASE_URL": url})
    assert settings.database_url is not None
    migrate(settings.database_url)
    database = Database(settings.database_url)
    await database.ping()
    await database.close()
    with pytest.raises(psycopg.OperationalError):  # The server does ask for it.
        psycopg.connect(settings.database_url, password="wrong")


@pytest.mark.parametrize("password", ["p@s", "p#s", "p%zs", "p/s@x"])
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_password_that_was_not_encoded_is_one_clear_line(command: str, password: str) -> None:
    variables = {
        "KOVA_ENV": "local",
        "KOVA_DATABASE_URL": f"postgresql://kova:{password}@127.0.0.1:9/x",
        "KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:9/q",
    }
    process = run_command(command, environment=os.environ | variables)
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    assert "KOVA_DATABASE_URL" in line
    assert "KOVA_DATABASE_PASSWORD" in line
    assert password not in line
