"""docker-compose.yml hands every setting to Kova, and any password to Postgres."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from kova.adapters.postgres.migrate import migrate
from kova.adapters.postgres.pool import Database
from kova.bootstrap.settings import load_settings

ROOT = Path(__file__).parents[2]
PASSWORD = "p@s/w:r#d%40$x &"
NOT_SET_BY_PEOPLE = {
    "AWS_ENDPOINT_URL_SQS",
    "AWS_LAMBDA_FUNCTION_NAME",
    "KOVA_ADMIN_KEY_SECRET_ARN",
}


class Recorder(dict[str, str]):
    """An environment that notes which variables are read."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names.add(key)
        return default


def environment_of(service: str, folder: Path, **variables: str) -> dict[str, str]:
    """Return what compose gives to a service where .env holds these variables."""
    (folder / "docker-compose.yml").write_text((ROOT / "docker-compose.yml").read_text())
    lines = [f"{name}='{value}'\n" for name, value in variables.items()]
    (folder / ".env").write_text("".join(lines))
    program = Path(sys.executable).with_name("docker-compose")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("KOVA_")}
    process = subprocess.run(
        [str(program), "config", "--format", "json"],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
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
    assert named == recorder.names - NOT_SET_BY_PEOPLE


@pytest.mark.parametrize("service", ["api", "worker", "migrate"])
def test_every_setting_of_the_example_reaches_kova(service: str, tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    names = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE)
    values = {name: f"value of {name}" for name in names}
    reached = environment_of(service, tmp_path, **values)
    assert {name: reached.get(name) for name in names} == values


async def test_a_password_may_hold_any_character(
    role: str, database_url: str, tmp_path: Path
) -> None:
    needed = {"KOVA_GITHUB_WEBHOOK_SECRET": "x", "KOVA_SECRETS_KEY": "x"}
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
    process = subprocess.run(
        [sys.executable, "-m", "kova_server", command],
        env=os.environ
        | {
            "KOVA_ENV": "local",
            "KOVA_DATABASE_URL": f"postgresql://kova:{password}@127.0.0.1:9/x",
            "KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:9/q",
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    assert "KOVA_DATABASE_URL" in line
    assert "KOVA_DATABASE_PASSWORD" in line
    assert password not in line
