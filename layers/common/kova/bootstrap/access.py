"""Who may call, put together: keys, rate limits, idempotency, the audit log."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

from kova.access.admit import Admit, Limits
from kova.access.api_key import Scope
from kova.access.ports import Admissions
from kova.access.rate_limit import Policy
from kova.adapters.memory.admissions import MemoryAdmissions
from kova.adapters.postgres.api_keys import PostgresApiKeyStore
from kova.adapters.postgres.audit import PostgresAuditStore
from kova.adapters.postgres.idempotency import PostgresIdempotencyStore
from kova.bootstrap.core import Core, now
from kova.bootstrap.settings import Settings

if TYPE_CHECKING:
    from kova.access.answer_once import AnswerOnce
    from kova.access.manage_keys import ManageKeys


class AccessRoot:
    """Implements web.services.AccessServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def keys(self) -> PostgresApiKeyStore:
        """API keys."""
        return PostgresApiKeyStore(self._core.database)

    @cached_property
    def admissions(self) -> Admissions:
        """Remembered keys and counted calls: in Redis, and in this process while it is away."""
        own = MemoryAdmissions()
        if self._core.redis is None:
            return own
        from kova.adapters.redis.admissions import RedisAdmissions
        from kova.adapters.redis.fallback import AdmissionsWithFallback

        meter = self._core.meter

        def count_lookup(hit: bool) -> None:
            result = "hit" if hit else "miss"
            meter.count("kova_key_cache_requests_total", result=result)

        shared = RedisAdmissions(self._core.redis, on_lookup=count_lookup)
        return AdmissionsWithFallback(shared, own)

    @cached_property
    def admit(self) -> Admit:
        """The check of API keys and rate limits."""
        return Admit(
            keys=self.keys,
            admissions=self.admissions,
            limits=limits_of(self._core.settings),
            now=now,
        )

    @cached_property
    def answer_once(self) -> AnswerOnce:
        """Idempotency keys."""
        from kova.access.answer_once import AnswerOnce

        return AnswerOnce(PostgresIdempotencyStore(self._core.database), sleep=asyncio.sleep)

    @cached_property
    def manage_keys(self) -> ManageKeys:
        """The life of API keys."""
        from kova.access.manage_keys import ManageKeys

        return ManageKeys(keys=self.keys, audit=self.audit, admissions=self.admissions, now=now)

    @cached_property
    def audit(self) -> PostgresAuditStore:
        """The audit log."""
        return PostgresAuditStore(self._core.database)


def limits_of(settings: Settings) -> Limits:
    """Return one policy for each kind of call; those that are not set follow the reads' one."""
    limits = settings.limits
    usual = limits.calls
    quotas = {
        Scope.READ: usual,
        Scope.SCAN: limits.scans or usual,
        Scope.AI: limits.ai or usual,
        Scope.ADMIN: usual,
    }
    return Limits(
        by_scope={scope: Policy(name=scope.value, quota=quota) for scope, quota in quotas.items()},
        anonymous=Policy(name="anonymous", quota=min(limits.anonymous, usual)),
    )
