"""The setup of Kova's GitHub App, put together: where credentials go, and which GitHub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kova.access.admit import admit_attempt
from kova.access.rate_limit import Policy, Verdict
from kova.bootstrap.access import AccessRoot
from kova.bootstrap.core import Core, now
from kova.bootstrap.settings import Settings, SettingsError
from kova.setup.create_app import CreateApp
from kova.setup.manifest import web_address_of

if TYPE_CHECKING:
    from kova.setup.ports import CredentialStore

_ATTEMPTS: Final = Policy(name="setup", quota=10)


class SetupRoot:
    """Implements web.services.SetupServices."""

    def __init__(
        self,
        core: Core,
        store: CredentialStore | None = None,
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        """`store` replaces the one that the settings name, `defaults` what the form shows first."""
        self._core = core
        self._access = AccessRoot(core)
        self._own_store = store
        self._defaults = defaults or {}

    @cached_property
    def create_app(self) -> CreateApp:
        """The steps of the setup; SettingsError without a place for the credentials."""
        from kova.adapters.github.app import GitHubAppRegistration

        settings = self._core.settings
        return CreateApp(
            token=setup_token(settings),
            store=self._own_store or credential_store(settings),
            registration=GitHubAppRegistration(
                base_url=settings.github_api_url, http=self._core.http
            ),
            web_address=self.web_address,
            now=now,
        )

    @property
    def is_open(self) -> bool:
        """False where there is no one-time token, or GitHub is configured by settings."""
        return setup_token(self._core.settings) is not None

    @property
    def web_address(self) -> str:
        """GitHub's pages."""
        settings = self._core.settings
        return (settings.setup.github_web_url or web_address_of(settings.github_api_url)).rstrip(
            "/"
        )

    @property
    def public_url(self) -> str | None:
        """The address of Kova for people and GitHub, where it is set."""
        return self._core.settings.public_url

    @property
    def defaults(self) -> Mapping[str, str]:
        """What stands in the form at first."""
        known = {"public_address": self.public_url} if self.public_url else {}
        return {**known, **self._defaults}

    async def admit_attempt(self, address: str, on_verdict: Callable[[Verdict], None]) -> None:
        """Count an attempt to open the setup, by address.

        Raises:
            RateLimitedError: too many of them.
        """
        await admit_attempt(self._access.admissions, _ATTEMPTS, address, on_verdict)


def setup_token(settings: Settings) -> str | None:
    """Return the one-time token, None where GitHub is configured already.

    A webhook secret of the settings would refuse the deliveries of an App that is made now.
    """
    configured = settings.github_app_id or settings.github_token or settings.github_webhook_secrets
    return None if configured else settings.setup.token


def credential_store(settings: Settings) -> CredentialStore:
    """Return where the settings say that credentials are stored.

    Raises:
        SettingsError: they do not say it.
    """
    setup = settings.setup
    if setup.app_file:
        from kova.adapters.app_file import FileCredentialStore

        github = {"KOVA_GITHUB_API_URL": settings.github_api_url}
        return FileCredentialStore(Path(setup.app_file), github)
    if setup.app_secret_arn and setup.webhook_secret_arn:
        from kova.adapters.app_secrets import SecretsManagerCredentialStore
        from kova.adapters.secrets_manager import secrets_client

        return SecretsManagerCredentialStore(
            secrets_client(),
            app_secret=setup.app_secret_arn,
            client_secret=setup.client_secret_arn,
            webhook_secret=setup.webhook_secret_arn,
        )
    raise SettingsError(
        "The setup needs KOVA_GITHUB_APP_FILE, or KOVA_GITHUB_APP_SECRET_ARN and"
        " KOVA_WEBHOOK_SECRET_ARN."
    )
