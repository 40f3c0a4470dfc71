"""The credentials of Kova's App, as GitHub returns them once, and as settings name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

WEBHOOK_SECRET: Final = "KOVA_GITHUB_WEBHOOK_SECRET"  # noqa: S105 (a variable's name)
APP_ID: Final = "KOVA_GITHUB_APP_ID"


@dataclass(frozen=True, kw_only=True)
class AppCredentials:
    """A GitHub App's identity and secrets; the secrets do not show in its repr.

    Attributes:
        app_id: GitHub's number.
        slug: its name in addresses.
        page: the address of its public page.
        owner: the login of the account that owns it.
        owned_by_organization: whether that account is an organisation.
    """

    app_id: str
    slug: str
    name: str
    page: str
    owner: str
    owned_by_organization: bool
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)

    def app_settings(self) -> dict[str, str]:
        """Return the settings of the processes that speak to GitHub as the App."""
        return {
            APP_ID: self.app_id,
            "KOVA_GITHUB_APP_SLUG": self.slug,
            "KOVA_GITHUB_APP_PAGE": self.page,
            "KOVA_GITHUB_PRIVATE_KEY": self.private_key,
        }

    def client_settings(self) -> dict[str, str]:
        """Return the settings of the processes that sign people in."""
        return {
            "KOVA_GITHUB_CLIENT_ID": self.client_id,
            "KOVA_GITHUB_CLIENT_SECRET": self.client_secret,
        }

    def webhook_settings(self) -> dict[str, str]:
        """Return the settings of the process that accepts webhooks."""
        return {WEBHOOK_SECRET: self.webhook_secret}

    def all_settings(self) -> dict[str, str]:
        """Return all of them, for a place that every process reads."""
        return self.app_settings() | self.client_settings() | self.webhook_settings()


@dataclass(frozen=True, kw_only=True)
class SetupProgress:
    """How far the setup has come, as the store remembers it.

    Attributes:
        is_configured: an App's credentials are stored.
        spent_token: the hash of the one-time token that was used, or None.
        exchanged_code: the hash of GitHub's code that was last exchanged, or None. While no App is
            configured, it tells that the exchange was interrupted.
    """

    is_configured: bool = False
    spent_token: str | None = None
    exchanged_code: str | None = None

    def to_members(self) -> dict[str, str]:
        """Return it as members of a secret."""
        members = {
            "KOVA_SETUP_SPENT_TOKEN": self.spent_token,
            "KOVA_SETUP_EXCHANGED_CODE": self.exchanged_code,
        }
        return {name: text for name, text in members.items() if text}

    @classmethod
    def of_members(cls, members: Mapping[str, str]) -> SetupProgress:
        """Read it from the members of a secret."""
        return cls(
            is_configured=bool(members.get(APP_ID)),
            spent_token=members.get("KOVA_SETUP_SPENT_TOKEN"),
            exchanged_code=members.get("KOVA_SETUP_EXCHANGED_CODE"),
        )
