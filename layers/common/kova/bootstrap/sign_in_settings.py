"""Settings of the sign-in: the providers, and who has which role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kova.bootstrap.setting_reader import SettingReader

GOOGLE_ISSUER: Final = "https://accounts.google.com"
GOOGLE_SHEETS: Final = "https://sheets.googleapis.com"
_PAIRS: Final = (
    ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
    ("KOVA_GITHUB_CLIENT_ID", "KOVA_GITHUB_CLIENT_SECRET"),
)


@dataclass(frozen=True, kw_only=True)
class SignInSettings:
    """What /auth and exports to Google need.

    `admins`, `members` and `viewers` are rules (access/sign_in_rules.py).
    """

    google_client_id: str | None = None
    google_client_secret: str | None = field(default=None, repr=False)
    google_issuer: str = GOOGLE_ISSUER
    google_sheets_url: str = GOOGLE_SHEETS
    google_hosted_domain: str | None = None
    github_client_id: str | None = None
    github_client_secret: str | None = field(default=None, repr=False)
    admins: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    viewers: tuple[str, ...] = ()


def read_sign_in_settings(reader: SettingReader) -> SignInSettings:
    """Read them; a provider's id and secret belong together."""
    for client_id, client_secret in _PAIRS:
        if (reader.text(client_id) is None) != (reader.text(client_secret) is None):
            reader.problems.append(f"{client_id} and {client_secret} belong together")
    domain = reader.domain("KOVA_GOOGLE_HOSTED_DOMAIN")
    return SignInSettings(
        google_client_id=reader.token("GOOGLE_CLIENT_ID"),
        google_client_secret=reader.token("GOOGLE_CLIENT_SECRET"),
        google_issuer=reader.url("KOVA_GOOGLE_ISSUER") or GOOGLE_ISSUER,
        google_sheets_url=(reader.url("KOVA_GOOGLE_SHEETS_URL") or GOOGLE_SHEETS).rstrip("/"),
        google_hosted_domain=domain,
        github_client_id=reader.token("KOVA_GITHUB_CLIENT_ID"),
        github_client_secret=reader.token("KOVA_GITHUB_CLIENT_SECRET"),
        admins=reader.sign_in_rules("KOVA_ADMINS"),
        members=reader.sign_in_rules("KOVA_MEMBERS"),
        viewers=reader.sign_in_rules("KOVA_VIEWERS"),
    )
