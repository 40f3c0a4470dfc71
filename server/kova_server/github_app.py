"""The setup of the GitHub App from a terminal: the pages of /setup, for one person."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import uvicorn

from kova.adapters.app_file import FileCredentialStore
from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings
from kova.bootstrap.setup import SetupRoot
from kova.setup.credentials import AppCredentials, SetupProgress
from kova.setup.ports import CredentialStore
from kova.setup.session import new_token
from kova.shared.exceptions import KovaError
from kova.web.app import create_app
from kova.web.routes import setup


class PortTakenError(KovaError):
    """The port is taken: choose another one with --port."""

    reason = "port_taken"


class SetupStoppedError(KovaError):
    """The setup was stopped before GitHub made the App."""

    reason = "setup_stopped"


class _NoticingStore(CredentialStore):
    """A store that hands the credentials on, too, once they are safe."""

    def __init__(self, store: CredentialStore) -> None:
        self._store = store
        self.credentials: AppCredentials | None = None

    async def progress(self) -> SetupProgress:
        return await self._store.progress()

    async def spend(self, token_hash: str) -> bool:
        return await self._store.spend(token_hash)

    async def note_exchange(self, code_hash: str) -> None:
        await self._store.note_exchange(code_hash)

    async def save(self, credentials: AppCredentials) -> None:
        await self._store.save(credentials)
        self.credentials = credentials


def file_store(file: Path, api_url: str) -> FileCredentialStore:
    """Return a store in a file, which names its GitHub too."""
    return FileCredentialStore(file, {"KOVA_GITHUB_API_URL": api_url})


def create_github_app(
    settings: Settings,
    store: CredentialStore,
    defaults: Mapping[str, str],
    *,
    port: int,
    announce: Callable[[str], None],
) -> AppCredentials:
    """Serve the pages until the App is made, and return its credentials, which are stored.

    Raises:
        PortTakenError: something listens on the port.
        SetupStoppedError: it was stopped before.
        KeyboardInterrupt: by Ctrl-C.
    """
    token = new_token()
    core = Core(replace(settings, setup=replace(settings.setup, token=token)))
    noticing = _NoticingStore(store)
    roots = {"setup": SetupRoot(core, noticing, defaults)}
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(core, roots, [setup.router]),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    was_made = False

    async def look() -> None:
        nonlocal was_made
        # One round later: the last page loads its style first.
        server.should_exit = server.should_exit or was_made
        was_made = noticing.credentials is not None

    server.config.callback_notify = look
    server.config.timeout_notify = 0
    with _listen(port) as listening:
        announce(f"http://127.0.0.1:{listening.getsockname()[1]}/setup#{token}")
        server.run(sockets=[listening])
    if noticing.credentials is None:
        raise SetupStoppedError
    return noticing.credentials


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        # Who opens the link at once waits for the server instead of being refused.
        listening.listen()
    except OSError as exc:
        listening.close()
        raise PortTakenError from exc
    return listening
