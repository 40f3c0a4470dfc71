"""The link that signs in whoever runs Kova."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from kova.bootstrap.core import Core
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings


async def make_sign_in_link(variables: Mapping[str, str], address: str) -> str:
    """Return a link below an address: to a page whose button works once, within a day.

    Raises:
        SettingsError: KOVA_REDIS_URL is missing.
        RedisUnavailableError: Redis does not answer.
    """
    core = Core(load_settings(variables, needed=("KOVA_REDIS_URL",)))
    try:
        token = await PeopleRoot(core).sign_in.make_link_token()
    finally:
        await core.close()
    return f"{address.rstrip('/')}/auth/link?token={quote(token)}"
