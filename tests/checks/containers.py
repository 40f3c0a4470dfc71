"""Dockerfile and docker-compose.yml, as far as they can be checked without an engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_BIN = Path(sys.executable).parent
_SECRETS = dict.fromkeys(
    ("KOVA_DATABASE_PASSWORD", "KOVA_GITHUB_WEBHOOK_SECRET", "KOVA_SECRETS_KEY"), "x"
)


def check_containers() -> list[str]:
    """Return what hadolint and compose say."""
    problems: list[str] = []
    for command in (
        [str(_BIN / "hadolint"), "Dockerfile"],
        [str(_BIN / "docker-compose"), "config", "--quiet"],
    ):
        process = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | _SECRETS, check=False
        )
        if process.returncode != 0:
            problems.append(f"{Path(command[0]).name}: {process.stdout}{process.stderr}")
    return problems
