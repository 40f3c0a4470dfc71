"""The App's credentials in a file of settings, readable by its owner alone."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kova.adapters.env_file import read_environment, write_environment
from kova.setup.credentials import APP_ID, AppCredentials, SetupProgress
from kova.setup.exceptions import AppConfiguredError, StoreUnavailableError
from kova.setup.ports import CredentialStore


class FileCredentialStore(CredentialStore):
    """Implements setup.ports.CredentialStore for processes that share a folder.

    Beside the file stands FILE.setup: how far the setup has come. It is locked for every change,
    so that of two processes one is the first.
    """

    def __init__(self, file: Path, settings: dict[str, str] | None = None) -> None:
        """`settings` are further settings to write with the credentials."""
        self._file = file
        self._settings = settings or {}
        self._progress_file = file.with_name(file.name + ".setup")

    async def progress(self) -> SetupProgress:
        """Read the files; there is no setup where neither is there."""
        return await asyncio.to_thread(self._read)

    async def spend(self, token_hash: str) -> bool:
        """Note the token under the lock."""
        return await asyncio.to_thread(self._spend, token_hash)

    async def note_exchange(self, code_hash: str) -> None:
        """Note the code under the lock."""
        await asyncio.to_thread(self._note_exchange, code_hash)

    async def save(self, credentials: AppCredentials) -> None:
        """Write the file whole and put it in its place under the lock."""
        await asyncio.to_thread(self._save, credentials)

    def _read(self) -> SetupProgress:
        with _translate_errors():
            if self._file.exists() and read_environment(self._file).get(APP_ID):
                return SetupProgress(is_configured=True)
            if not self._progress_file.exists():
                return SetupProgress()
            text = self._progress_file.read_text()
            return SetupProgress.of_members(json.loads(text) if text else {})

    def _spend(self, token_hash: str) -> bool:
        with self._locked() as file:
            progress = self._read()
            if progress.is_configured or progress.spent_token == token_hash:
                return False
            _write(file, SetupProgress(spent_token=token_hash))
            return True

    def _note_exchange(self, code_hash: str) -> None:
        with self._locked() as file:
            _write(file, replace(self._read(), exchanged_code=code_hash))

    def _save(self, credentials: AppCredentials) -> None:
        with self._locked():
            if self._read().is_configured:
                raise AppConfiguredError
            settings = credentials.all_settings()
            write_environment(self._file, self._settings | settings)
            _sync_folder(self._file.parent)
            self._progress_file.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        with _translate_errors():
            self._file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._progress_file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield descriptor
            finally:
                os.close(descriptor)


def _write(descriptor: int, progress: SetupProgress) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(progress.to_members()).encode(), 0)
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, AttributeError) as exc:
        raise StoreUnavailableError(
            f"The file of the App's credentials cannot be used: {exc}"
        ) from exc
