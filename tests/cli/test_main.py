"""The command line itself: version, help, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kova.version import VERSION
from tests.cli.test_failures import run, run_interpreter

SERVER = ("fastapi", "starlette", "boto3", "botocore", "psycopg", "uvicorn", "redis", "httpx")
LOADED = """
import json, sys
from kova_server.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
loaded = {name.partition(".")[0] for name in sys.modules}
print(json.dumps(sorted(loaded)), file=sys.stderr)
"""


def test_the_version_is_said() -> None:
    process = run_interpreter("--version")
    assert (process.returncode, process.stdout) == (0, f"kova {VERSION}\n")


@pytest.mark.parametrize(
    "command",
    [[], ["scan"], ["up"], ["serve"], ["worker"], ["migrate"], ["keys"], ["keys", "create"],
     ["keys", "list"], ["keys", "revoke"], ["github-app"], ["github-app", "create"],
     ["scans"], ["scans", "retry"], ["replay"], ["dlq"], ["dlq", "list"], ["dlq", "show"],
     ["dlq", "redrive"], ["dlq", "drop"]],
)  # fmt: skip
def test_every_command_explains_itself_shortly_too(command: list[str]) -> None:
    long, short = run(*command, "--help"), run(*command, "-h")
    assert (long.returncode, short.returncode) == (0, 0), short.stderr
    assert long.stdout == short.stdout
    assert long.stdout.startswith("Usage: kova")


@pytest.mark.parametrize(
    "command",
    ["scan", "up", "serve", "worker", "migrate", "keys", "github-app", "scans", "replay", "dlq"],
)
def test_every_command_shows_an_example(command: str) -> None:
    assert f"  kova {command} " in run(command, "--help").stdout.split("Examples:")[1]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["scan", "-h"], ["scan"]])
def test_neither_help_nor_a_scan_loads_the_server(tmp_path: Path, arguments: list[str]) -> None:
    call = [*arguments, str(tmp_path)] if arguments == ["scan"] else arguments
    process = subprocess.run(
        [sys.executable, "-c", LOADED, *call], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    loaded = json.loads(process.stderr)
    assert "typer" in loaded
    assert not set(loaded) & set(SERVER)


def test_an_option_before_the_command_does_not_hide_it() -> None:
    process = run("--nothing", "scan")
    assert process.returncode == 2
    assert "No such option: --nothing" in process.stderr
