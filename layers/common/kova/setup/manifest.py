"""GitHub's App manifest: what is sent, where to, and what people may enter.

See https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from kova.setup.app_needs import EVENTS, PERMISSIONS
from kova.shared.exceptions import InvalidInputError

NAME_LIMIT: Final = 34
WEBHOOK_PATH: Final = "/webhooks/github"
CALLBACK_PATH: Final = "/setup/callback"
SIGN_IN_PATH: Final = "/auth/github/callback"
"""Where GitHub sends people back who sign in with it."""
_DESCRIPTION: Final = "Finds errors in code, and proves every fix before anyone sees it."
_NAME: Final = re.compile(rf"[^\x00-\x1f\x7f<>&\"]{{1,{NAME_LIMIT}}}")
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,98}[A-Za-z0-9])?(?:_[A-Za-z0-9]{1,20})?")
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9._-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
_GITHUB: Final = "https://github.com"
_GITHUB_API: Final = "api.github.com"
_SERVER_API: Final = "/api/v3"
_DATA_RESIDENCY: Final = re.compile(r"api\.([a-z0-9-]+\.ghe\.com)")


@dataclass(frozen=True, kw_only=True)
class AppRequest:
    """What people chose for their App.

    Attributes:
        name: at most 34 characters, not used by another App on that GitHub.
        organization: the organisation that shall own it; None for the person's own account.
        public_address: where GitHub reaches Kova, without a slash at its end.
    """

    name: str
    organization: str | None
    public_address: str


def web_address_of(api_url: str) -> str:
    """Return the address of the pages that belong to an API.

    github.com has `api.` before it, Enterprise Server `/api/v3` behind it, data residency
    (`ghe.com`) `api.` too. Any other address is its own.
    """
    parts = urlsplit(api_url.rstrip("/"))
    if parts.hostname == _GITHUB_API:
        return _GITHUB
    residency = _DATA_RESIDENCY.fullmatch(parts.hostname or "")
    if residency:
        return f"https://{residency[1]}"
    return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(_SERVER_API)}"


def read_request(
    name: str, organization: str, public_address: str, *, web_address: str
) -> AppRequest:
    """Check what people entered.

    Raises:
        InvalidInputError: its message says what to enter instead; `field` names the field.
    """
    name, organization = name.strip(), organization.strip()
    address = public_address.strip().rstrip("/")
    if not _NAME.fullmatch(name):
        text = f"The name has 1 to {NAME_LIMIT} characters, without quotes and angle brackets."
        raise InvalidInputError(text, field="name")
    if organization and not _LOGIN.fullmatch(organization):
        text = "An organisation's name has letters, digits and hyphens, as in its address."
        raise InvalidInputError(text, field="organization")
    if not _ADDRESS.fullmatch(address):
        text = "The public address looks like https://kova.example.com."
        raise InvalidInputError(text, field="public_address")
    if is_local(address) and _is_githubs_own(web_address):
        text = (
            "GitHub cannot reach an address of your own machine or network. Enter the one under"
            " which a domain or a tunnel leads to Kova."
        )
        raise InvalidInputError(text, field="public_address")
    return AppRequest(name=name, organization=organization or None, public_address=address)


def is_local(address: str) -> bool:
    """True if an address leads to this machine or a private network, as far as its text tells."""
    host = (urlsplit(address).hostname or "").rstrip(".").lower()
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".localhost", ".local"))


def _is_githubs_own(web_address: str) -> bool:
    """True for github.com and ghe.com: an Enterprise Server reaches its own network."""
    host = urlsplit(web_address).hostname or ""
    return host == "github.com" or host.endswith(".ghe.com")


def build_manifest(request: AppRequest, *, redirect_url: str) -> dict[str, Any]:
    """Return the manifest; GitHub sends the person back to `redirect_url` with a code."""
    return {
        "name": request.name,
        "url": request.public_address,
        "description": _DESCRIPTION,
        "hook_attributes": {"url": request.public_address + WEBHOOK_PATH, "active": True},
        "redirect_url": redirect_url,
        "callback_urls": [request.public_address + SIGN_IN_PATH],
        "public": False,
        "default_permissions": {permission.name: permission.access for permission in PERMISSIONS},
        "default_events": [event.name for event in EVENTS],
    }


def registration_address(web_address: str, organization: str | None, state: str) -> str:
    """Return where the form with the manifest is posted to."""
    return f"{apps_address(web_address, organization)}/new?{urlencode({'state': state})}"


def apps_address(web_address: str, organization: str | None) -> str:
    """Return the page that lists the Apps of an account."""
    owner = f"/organizations/{quote(organization, safe='')}" if organization else ""
    return f"{web_address}{owner}/settings/apps"
