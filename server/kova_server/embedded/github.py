"""The practice GitHub, used when no real one is configured and the fakes are installed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import httpx

from kova_server.embedded.service import Service

_MODULE: Final = "kova_fakes.github"
_CONFIGURED_BY: Final = ("KOVA_GITHUB_API_URL", "KOVA_GITHUB_TOKEN", "KOVA_GITHUB_APP_ID")


def wants_practice_github(outside: Mapping[str, str]) -> bool:
    """True if no GitHub is configured and the practice one is installed."""
    configured = any(outside.get(name) for name in _CONFIGURED_BY)
    return not configured and find_spec(_MODULE.partition(".")[0]) is not None


def github_service(port: int, folder: Path, webhook_secret: str) -> Service:
    """Return the service, which stores its state in the folder."""

    def is_ready() -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK and (folder / "app.json").exists()

    command = [sys.executable, "-m", _MODULE, "--port", str(port), "--data", str(folder)]
    return Service(
        name="github",
        command=[*command, "--webhook-secret", webhook_secret],
        environment=dict(os.environ),
        is_ready=is_ready,
    )


def github_settings(folder: Path) -> dict[str, str]:
    """Return the settings that make Kova an App of the practice GitHub."""
    app = json.loads((folder / "app.json").read_text())
    return {
        "KOVA_GITHUB_API_URL": app["url"],
        "KOVA_GITHUB_APP_ID": str(app["app_id"]),
        "KOVA_GITHUB_PRIVATE_KEY": Path(app["private_key"]).read_text(),
    }
