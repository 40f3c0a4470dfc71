"""The rate limits in force."""

from __future__ import annotations

from kova.access.admit import Limits
from kova.access.api_key import Scope
from kova.access.rate_limit import Policy
from kova.bootstrap.settings import Settings


def limits(settings: Settings) -> Limits:
    """Return one policy for each kind of call; those that are not set follow the reads' one."""
    usual = settings.rate_limit_per_minute
    quotas = {
        Scope.READ: usual,
        Scope.SCAN: settings.scan_rate_limit_per_minute or usual,
        Scope.AI: settings.ai_rate_limit_per_minute or usual,
        Scope.ADMIN: usual,
    }
    return Limits(
        by_scope={scope: Policy(name=scope.value, quota=quota) for scope, quota in quotas.items()},
        anonymous=Policy(name="anonymous", quota=usual),
    )
