"""What AI commands cost, put together."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property

from kova.adapters.postgres.usage import PostgresUsageStore
from kova.bootstrap.core import Core


class UsageRoot:
    """Implements web.services.UsageServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def usage(self) -> PostgresUsageStore:
        """What AI commands cost."""
        return PostgresUsageStore(self._core.database)

    @property
    def monthly_budget_usd(self) -> Decimal | None:
        """The cap on all AI commands of a month."""
        return self._core.settings.ai.monthly_budget_usd
