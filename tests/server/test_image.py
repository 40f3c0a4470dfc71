"""The image of the Dockerfile: its entrypoint, its health check, and its user, who can write nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.eventually import eventually
from tests.support.image import Image, build, can_build, read_dockerfile
from tests.support.ports import own_port
from tests.support.queues import environment, make_queue
from tests.watching.conftest import running

pytestmark = pytest.mark.skipif(not can_build(), reason="this user may not make namespaces")
PORT = "8000"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    yield build(folder)
    shutil.rmtree(folder)


def run(image: Image, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        image.command(*command),
        env=image.environment(variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_its_user_can_write_nowhere_but_in_tmp(image: Image) -> None:
    script = """
import os, pathlib
print(os.getuid(), os.getgid())
for place in ("/", "/kova", "/kova/bin", "/var/lib/kova", "/usr", "/tmp"):
    try:
        pathlib.Path(place, "written").touch()
        print(place)
    except OSError:
        pass
"""
    process = run(image, "python", "-c", script)
    assert process.stdout.splitlines() == ["10001 10001", "/tmp"], process.stderr


@pytest.mark.parametrize("place", ["kova", "kova-backups"])
def test_a_volume_belongs_to_its_user(image: Image, place: str) -> None:
    status = (image.folder / "var/lib" / place).stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (10001, 10001, 0o700)


def test_it_serves_and_says_so_to_its_health_check(
    image: Image, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    instructions = image.instructions
    queues = ("KOVA_SCAN_QUEUE_URL", "KOVA_FIX_QUEUE_URL", "KOVA_COMMAND_QUEUE_URL")
    variables = {
        **{name: value for name, value in environment().items() if name.startswith("AWS_")},
        **{name: make_queue() for name in queues},
        "KOVA_ENV": "production",
        "KOVA_SECRETS_KEY": "x" * 32,
        "KOVA_SIGNING_KEY": "x" * 32,
        "KOVA_DATABASE_URL": database_url,
        "KOVA_REDIS_URL": redis_url,
    }
    migrated = run(image, *instructions.entrypoint, "migrate", **variables)
    assert migrated.returncode == 0, migrated.stderr

    # The port of the image may be taken here: it is the one thing that is another.
    port = str(own_port())
    health = [part.replace(PORT, port) for part in instructions.health]
    assert health != instructions.health
    assert run(image, *health).returncode != 0
    command = image.command(*instructions.entrypoint, *instructions.command, "--port", port)
    log = tmp_path / "serve.log"
    with running(command, log, image.environment(variables)) as server:

        def is_healthy() -> bool:
            assert server.poll() is None, log.read_text()
            return run(image, *health).returncode == 0

        eventually(is_healthy, 60, otherwise=log.read_text)
    # Uvicorn ends in good order, and then by the signal itself.
    assert server.returncode == -signal.SIGTERM
    assert "Finished server process" in log.read_text()
    assert "Read-only file system" not in log.read_text()


def test_it_makes_backups_and_restores_them(image: Image, database_url: str) -> None:
    variables = {"KOVA_SECRETS_KEY": "x" * 32, "KOVA_DATABASE_URL": database_url}
    kova = image.instructions.entrypoint[0]
    script = (
        f"{kova} backup /tmp/backups && {kova} backup /tmp/backups --check"
        f" && {kova} restore /tmp/backups/*.dump --replace"
    )
    process = run(image, "sh", "-c", script, **variables)
    assert process.returncode == 0, process.stderr
    assert "Restored." in process.stdout
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT FROM errors")
    # Of their own libraries, apart from what Python uses.
    assert list((image.folder / "postgres/lib").glob("libpq*"))
    assert not list((image.folder / "postgres/lib").glob("libc.so*"))


def test_a_worker_works_and_ends_when_it_is_told_to(
    image: Image, database_url: str, tmp_path: Path
) -> None:
    variables: dict[str, Any] = {
        **{name: value for name, value in environment().items() if name.startswith("AWS_")},
        "KOVA_SCAN_QUEUE_URL": make_queue(),
        "KOVA_SECRETS_KEY": "x" * 32,
        "KOVA_SIGNING_KEY": "x" * 32,
        "KOVA_DATABASE_URL": database_url,
        "KOVA_GITHUB_TOKEN": "none",
    }
    log = tmp_path / "worker.log"
    command = image.command(*image.instructions.entrypoint, "worker")
    with running(command, log, image.environment(variables)) as worker:

        def has_started() -> bool:
            assert worker.poll() is None, log.read_text()
            return "worker started" in log.read_text()

        eventually(has_started, 60, otherwise=log.read_text)
    assert "worker stopped" in log.read_text()


def test_a_dockerfile_is_read_by_stage() -> None:
    text = """
FROM a AS build
RUN one \\
 && two
COPY x /build/x
FROM p AS programs
RUN three
FROM a
RUN four
COPY --from=build /kova /kova
ENV A=b
USER 5
HEALTHCHECK --interval=1s \\
  CMD ["check"]
ENTRYPOINT ["kova"]
CMD ["serve"]
"""
    read = read_dockerfile(text)
    assert read.run == {"build": ["one", "two"], "programs": ["three"], "": ["four"]}
    assert read.images == {"build": "a", "programs": "p", "": "a"}
    assert (read.copy, read.moved) == ([("x", "/build/x")], [("build", "/kova", "/kova")])
    assert (read.user, read.health, read.entrypoint) == ("5", ["check"], ["kova"])
