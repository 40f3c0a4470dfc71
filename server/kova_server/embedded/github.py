"""The practice GitHub, used when no real one is configured and the fakes are installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import httpx

from kova.adapters.env_file import read_environment
from kova_server.embedded.service import Service, plain_environment

_MODULE: Final = "kova_fakes.github"
_APP_CONFIGURED_BY: Final = (
    "KOVA_GITHUB_TOKEN",
    "KOVA_GITHUB_APP_ID",
    "KOVA_GITHUB_WEBHOOK_SECRET",
)
APP_FILE: Final = "github-app.env"
"""The file of the App's credentials in the data folder."""
PRACTICE_TOKEN: Final = "KOVA_PRACTICE_TOKEN"  # noqa: S105 (the name of one)
"""Names the bearer token of the practice GitHub's routes below /_control."""


@dataclass(frozen=True, kw_only=True)
class GitHubPlan:
    """Which GitHub a stack speaks to, and where the App's credentials come from.

    Attributes:
        practice: the practice GitHub is started.
        app_file: the App is the one of this file, which /setup writes; None where variables, or
            the practice GitHub, have it.
        stored: the settings in the file.
    """

    practice: bool
    app_file: Path | None
    stored: Mapping[str, str]

    @property
    def is_open(self) -> bool:
        """True if /setup has to make the App."""
        return self.app_file is not None and not self.stored


def plan_github(outside: Mapping[str, str], folder: Path, *, setup: bool) -> GitHubPlan:
    """Decide from the variables of the environment and from what earlier starts left.

    `setup` leaves the App of the practice GitHub aside: /setup makes another.
    """
    file = folder / APP_FILE
    has_app = any(outside.get(name) for name in _APP_CONFIGURED_BY)
    stored = read_environment(file) if file.exists() and not has_app else {}
    is_elsewhere = has_app or bool(outside.get("KOVA_GITHUB_API_URL"))
    if stored and not _is_practice(stored.get("KOVA_GITHUB_API_URL"), folder):
        is_elsewhere = True
    practice = not is_elsewhere and find_spec(_MODULE.partition(".")[0]) is not None
    makes_app = not has_app and (setup or bool(stored) or not practice)
    return GitHubPlan(practice=practice, app_file=file if makes_app else None, stored=stored)


def _is_practice(api_url: str | None, folder: Path) -> bool:
    app = folder / "github" / "app.json"
    return app.exists() and json.loads(app.read_text())["url"] == api_url


def github_service(
    port: int,
    folder: Path,
    webhook_secret: str,
    token: str | None = None,
    folders: Sequence[Path] = (),
) -> Service:
    """Return the service, which stores its state in the folder.

    `token` opens the routes by which programs act as people do there; without it they are not
    there. They read the code of `folders`, and of no other ones.
    """

    def is_ready() -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK and (folder / "app.json").exists()

    command = [sys.executable, "-m", _MODULE, "--port", str(port), "--data", str(folder)]
    for readable in folders:
        command += ["--folder", str(readable)]
    # Not as arguments: whoever lists processes sees those.
    secrets = {"KOVA_GITHUB_WEBHOOK_SECRET": webhook_secret}
    if token:
        secrets[PRACTICE_TOKEN] = token
    return Service(
        name="github",
        command=command,
        environment=plain_environment() | secrets,
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
