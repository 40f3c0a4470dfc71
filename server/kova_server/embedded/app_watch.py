"""Whether a stack's GitHub App is there: prints the link that makes it, and notices when it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from kova.adapters.app_file import FileCredentialStore
from kova.adapters.env_file import read_environment, write_environment
from kova.setup.manifest import web_address_of
from kova.setup.session import new_token
from kova_server.embedded.github import GitHubPlan
from kova_server.embedded.outside import own_settings
from kova_server.restart import FileWatch

_API_URL: Final = "https://api.github.com"


class AppWatch:
    """The App of one run of `kova up`."""

    def __init__(
        self,
        plan: GitHubPlan,
        settings: Mapping[str, str],
        outside: Mapping[str, str],
        settings_file: Path,
        announce: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._outside = outside
        self._settings_file = settings_file
        self._announce = announce
        self._stored = plan.stored
        self._watch = FileWatch(str(plan.app_file) if plan.app_file else None)
        self._token = settings.get("KOVA_SETUP_TOKEN") or new_token()

    def setup_variables(self) -> dict[str, str]:
        """Return what the server needs for /setup; nothing where the App is there."""
        return {"KOVA_SETUP_TOKEN": self._token} if self._plan.is_open else {}

    def write_settings(self) -> None:
        """Write every setting in force, without the one-time token."""
        variables = {**self._stored, **self._settings}
        variables.pop("KOVA_SETUP_TOKEN", None)
        write_environment(self._settings_file, own_settings(variables, self._outside))

    def welcome(self, port: int) -> list[str]:
        """Return the lines about the App that is still to be made."""
        if not self._plan.is_open or self._plan.app_file is None:
            return []
        lines = [
            "Connect it to GitHub (this link works once):",
            f"  http://127.0.0.1:{port}/setup#{self._token}",
        ]
        progress = asyncio.run(FileCredentialStore(self._plan.app_file).progress())
        if progress.exchanged_code:
            pages = f"{self._web_address()}/settings/apps (or among your organisation's)"
            lines += [
                "An earlier setup was interrupted before its App's key was stored.",
                f"  If GitHub lists an App of it at {pages}, delete it there.",
            ]
        return lines

    def look(self) -> None:
        """Tell once when the App's credentials are there."""
        if self._plan.app_file is None or not self._watch.has_changed():
            return
        self._watch = FileWatch(str(self._plan.app_file))
        if not self._plan.app_file.exists():
            return
        self._stored = read_environment(self._plan.app_file)
        self.write_settings()
        slug = self._stored.get("KOVA_GITHUB_APP_SLUG", "")
        self._announce(f"The GitHub App {slug} is stored in {self._plan.app_file}.")
        page = self._stored.get("KOVA_GITHUB_APP_PAGE", "")
        self._announce(f"  choose its repositories: {page}/installations/new")

    def _web_address(self) -> str:
        api_url = self._settings.get("KOVA_GITHUB_API_URL", _API_URL)
        return self._settings.get("KOVA_GITHUB_WEB_URL") or web_address_of(api_url)
