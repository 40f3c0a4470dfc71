"""What the setup needs from outside: a place for credentials, and GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.setup.app_description import AppDescription
    from kova.setup.credentials import AppCredentials, SetupProgress


class CredentialStore(Protocol):
    """Where the App's credentials are stored. Errors are StoreUnavailableError."""

    async def progress(self) -> SetupProgress:
        """Return how far the setup has come."""

    async def spend(self, token_hash: str) -> bool:
        """Note that the one-time token was used; False where it already was."""

    async def note_exchange(self, code_hash: str) -> None:
        """Note that GitHub's code is about to be exchanged."""

    async def save(self, credentials: AppCredentials) -> None:
        """Store the credentials durably, all or nothing.

        Raises:
            AppConfiguredError: there are credentials already; they are not replaced.
        """


class AppRegistration(Protocol):
    """Where an App is made from a manifest."""

    async def exchange(self, code: str) -> AppCredentials:
        """Return the credentials of the App that was made. A code works once.

        Raises:
            SetupCodeError: GitHub does not accept the code.
            GitHubUnavailableError: it is not known whether the code was used.
        """


class AppDirectory(Protocol):
    """What GitHub says about Kova's App."""

    async def describe(self) -> AppDescription:
        """Return what the App may do.

        Raises:
            GitHubUnavailableError, GitHubRefusedError, NotConfiguredError: it cannot be asked.
        """
