"""Who may call, and how often: known keys for seconds and rate limits, asked for in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kova.access.api_key import ApiKey
from kova.access.rate_limit import Policy, Verdict

KEY_SECONDS: Final = 3
"""How long a key is remembered; a revoked one may pass for so long where it is not forgotten."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a caller presents: a key's prefix and the hash of its secret."""

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
    """What is known of a caller.

    Attributes:
        key: the remembered key whose secret has this hash; None for a stranger or an unknown key.
        verdict: of the key's limit, or for a stranger of the address's limit. None when the key is
            not remembered: then nothing was counted, and whoever finds the key asks again.
    """

    key: ApiKey | None
    verdict: Verdict | None
