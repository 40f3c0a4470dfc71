"""The values of admission: a remembered key and the rate limit's verdict, from one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kova.access.api_key import ApiKey
from kova.access.rate_limit import Policy, Verdict

KEY_SECONDS: Final = 3
"""How long a key is remembered. A revoked key may pass for as long where it is not forgotten."""
VALID_SECONDS: Final = 3_600
"""How long it is remembered that a key was valid: so long its look-up counts for no address."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A key's prefix and the hash of its secret, as a caller presents them."""

    prefix: str
    secret_hash: bytes


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One call: its address, its credentials if they have the form of a key, and its limits."""

    address: str
    credentials: Credentials | None
    policy: Policy
    anonymous: Policy


@dataclass(frozen=True, kw_only=True)
class Admission:
    """The result of counting one call.

    Attributes:
        key: the remembered key whose secret has this hash; None for a stranger or an unknown key.
        verdict: of the key's limit, or for a stranger of the address's limit. None when the key is
            not remembered: look it up and ask again.
        look_up: without `verdict`, that of the address's limit, which the look-up counts for; None
            where the key was valid a while ago.
    """

    key: ApiKey | None
    verdict: Verdict | None
    look_up: Verdict | None = None
