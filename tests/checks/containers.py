"""Dockerfile, docker-compose.yml with its other forms, and the scripts that its services run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

_BIN: Final = Path(sys.executable).parent
FOLDER: Final = Path("deploy/compose")
SCRIPTS: Final = ("deploy/valkey/start.sh",)
_NEEDED: Final = dict.fromkeys(
    ("KOVA_DATABASE_PASSWORD", "KOVA_REDIS_PASSWORD", "KOVA_SECRETS_KEY", "KOVA_SIGNING_KEY"), "x"
)
_FORMS_NEED: Final = dict.fromkeys(("KOVA_HOST", "KOVA_TLS_FOLDER", "KOVA_TUNNEL_TOKEN"), "x")


def compose_command(*forms: str) -> list[str]:
    """Return compose's command with files of deploy/compose beside the main one."""
    files = ["docker-compose.yml", *(str(FOLDER / f"{form}.yml") for form in forms)]
    return [str(_BIN / "docker-compose"), *(part for file in files for part in ("-f", file))]


def check_containers() -> list[str]:
    """Return what hadolint, compose and shellcheck say."""
    forms = sorted(path.stem for path in FOLDER.glob("*.yml"))
    config = ["--profile", "*", "config", "--quiet"]
    commands = [
        ([str(_BIN / "hadolint"), "Dockerfile"], {}),
        ([str(_BIN / "shellcheck"), "--severity=style", *SCRIPTS], {}),
        ([*compose_command(), *config], _NEEDED),
        *(([*compose_command(form), *config], _NEEDED | _FORMS_NEED) for form in forms),
        ([*compose_command(*forms), *config], _NEEDED | _FORMS_NEED),
    ]
    problems: list[str] = []
    for command, variables in commands:
        process = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | variables, check=False
        )
        if process.returncode != 0:
            problems.append(f"{Path(command[0]).name}: {process.stdout}{process.stderr}")
    return problems
