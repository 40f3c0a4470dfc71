"""Postgres, Valkey and SQS for the tests that ask for them: started once a run, by the first one.

The process that asks first starts a host (this file as a program) and waits until it has written
what is in force; the others read that. The host ends with the run, also when the run is killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Final

from kova.adapters.postgres.migrate import migrate
from kova_server.embedded.stack import services

FOLDER: Final = "KOVA_TEST_FOLDER"
"""Names the folder of the run in the environment of all its processes."""
RUN: Final = "KOVA_TEST_RUN"
"""Holds the number of the process that began the run, and that ends it."""
_START_SECONDS: Final = 120
_LOOK_SECONDS: Final = 0.2
_REDIS_DATABASES: Final = 16  # Valkey's default.


@cache
def services_in_force() -> dict[str, str]:
    """Return the settings that name the services; they are started where they are not yet.

    SQS's address and credentials are put into this process's environment, as its clients want it.
    Each process of the run has a database of its own in the run's Valkey: callers of a test beside
    it have the same address, and would use up what one address may do in a minute.
    """
    folder = Path(os.environ[FOLDER])
    settings = folder / "services.json"
    with (folder / "services.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not settings.exists():
            _start_host(folder, settings)
    force: dict[str, str] = json.loads(settings.read_text())
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    address = force["KOVA_REDIS_URL"].rpartition("/")[0]
    force["KOVA_REDIS_URL"] = f"{address}/{number % _REDIS_DATABASES}"
    os.environ.update({key: text for key, text in force.items() if key.startswith("AWS_")})
    return force


def database_template() -> str:
    """Return the address of a database with today's schema and no rows, to be copied."""
    return services_in_force()["KOVA_DATABASE_URL"]


def _start_host(folder: Path, settings: Path) -> None:
    log = folder / "services.log"
    command = [sys.executable, "-m", "tests.support.services", str(folder), os.environ[RUN]]
    pid = os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    (folder / "services.pid").write_text(str(pid))
    end = time.monotonic() + _START_SECONDS
    while not settings.exists():
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > end:
            raise AssertionError(log.read_text()[-3_000:])
        time.sleep(_LOOK_SECONDS / 10)


def main() -> None:
    """Run the services until the process of the run is gone or asks for the end."""
    folder, run = Path(sys.argv[1]), int(sys.argv[2])
    with services(folder / "services") as settings:
        migrate(settings["KOVA_DATABASE_URL"])
        ready = folder / "services.new"
        ready.write_text(json.dumps(settings))
        ready.replace(folder / "services.json")
        while _is_alive(run) and not (folder / "services.stop").exists():
            time.sleep(_LOOK_SECONDS)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
