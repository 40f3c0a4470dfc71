"""The App's credentials in memory."""

from __future__ import annotations

from dataclasses import replace

from kova.setup.credentials import AppCredentials, SetupProgress
from kova.setup.exceptions import AppConfiguredError
from kova.setup.ports import CredentialStore


class MemoryCredentialStore(CredentialStore):
    """Implements setup.ports.CredentialStore."""

    def __init__(self) -> None:
        self.credentials: AppCredentials | None = None
        self._progress = SetupProgress()

    async def progress(self) -> SetupProgress:
        """Return it."""
        return replace(self._progress, is_configured=self.credentials is not None)

    async def spend(self, token_hash: str) -> bool:
        """Note the token once."""
        if self.credentials is not None or self._progress.spent_token == token_hash:
            return False
        self._progress = SetupProgress(spent_token=token_hash)
        return True

    async def note_exchange(self, code_hash: str) -> None:
        """Note the code."""
        self._progress = replace(self._progress, exchanged_code=code_hash)

    async def save(self, credentials: AppCredentials) -> None:
        """Take the first ones."""
        if self.credentials is not None:
            raise AppConfiguredError
        self.credentials = credentials
