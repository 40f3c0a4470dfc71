"""The budget in memory: reservations and what was spent, by month and scope."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from kova.access.ports import ApiKeyStore
from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.outbox import MemoryOutbox
from kova.models.ports import BudgetScope
from kova.models.usage import month_of
from kova.notifications.notice import WARNING_PERCENT, NoticeKind
from kova.shared.exceptions import BudgetExhaustedError
from kova.shared.ports import RepositoryStore
from kova.shared.reach import EVERYTHING


@dataclass(frozen=True, kw_only=True)
class _Reservation:
    month: str
    scopes: Mapping[str, Decimal | None]
    amount: Decimal
    expires_at: datetime


class MemoryBudgetStore(Switchable):
    """Implements models.ports.BudgetStore."""

    def __init__(
        self,
        *,
        keys: ApiKeyStore | None = None,
        repositories: RepositoryStore | None = None,
        now: Callable[[], datetime] | None = None,
        outbox: MemoryOutbox | None = None,
    ) -> None:
        """Assemble the store; the caps of keys and repositories are looked up in their stores."""
        self._outbox = outbox or MemoryOutbox()
        self._keys = keys
        self._repositories = repositories
        self._now = now or Clock()
        self._spent: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self._reservations: dict[str, _Reservation] = {}

    async def reserve(self, scope: BudgetScope, amount: Decimal, lifetime: timedelta) -> str:
        """Reserve an upper bound of a call's cost and return the reservation's id."""
        self.check()
        caps = await self._caps(scope)
        # Nothing is awaited from here on: no other reservation can pass in between.
        now = self._now()
        month = month_of(now)
        for name, cap in caps.items():
            if cap is not None and self._used(name, month, now) + amount > cap:
                raise BudgetExhaustedError
        reservation_id = str(uuid.uuid4())
        self._reservations[reservation_id] = _Reservation(
            month=month, scopes=caps, amount=amount, expires_at=now + lifetime
        )
        return reservation_id

    async def settle(self, reservation: str, cost: Decimal) -> None:
        """Replace the reservation by the real cost; a second call changes nothing."""
        self.check()
        settled = self._reservations.pop(reservation, None)
        if settled is not None:
            for name, cap in sorted(settled.scopes.items()):
                self._spent[name, settled.month] += cost
                await self._record_level(name, settled.month, cap)

    async def _record_level(self, scope: str, month: str, cap: Decimal | None) -> None:
        """Note that a budget is near its end, or at it."""
        spent = self._spent[scope, month]
        if not cap or spent * 100 < cap * WARNING_PERCENT:
            return
        level = "100" if spent >= cap else str(WARNING_PERCENT)
        thread_key = f"budget:{scope}:{month}"
        self._outbox.record(
            f"{thread_key}:{level}",
            NoticeKind.BUDGET_LOW,
            subject=scope,
            thread_key=thread_key,
            group_key=f"{thread_key}:{level}",
            created_at=self._now(),
            repository_id=scope.partition("repository:")[2] or None,
            facts={
                "month": month,
                "level": level,
                "name": await self._key_name(scope),
                "spent_usd": str(round(spent, 2)),
                "cap_usd": str(round(cap, 2)),
            },
        )

    async def _key_name(self, scope: str) -> str:
        keys = await self._keys.list() if self._keys is not None else []
        return next((key.name for key in keys if scope == f"key:{key.id}"), "")

    def spent(self) -> Decimal:
        """Return what all commands of this month have cost."""
        return self._spent["all", month_of(self._now())]

    def spent_by(self, scope: str, month: date) -> Decimal:
        """Return what a scope (`all`, `repository:<id>`) has cost in the month of a day."""
        return self._spent[scope, f"{month:%Y-%m}"]

    def reserved(self) -> Decimal:
        """Return the sum of the reservations that are neither settled nor expired."""
        now = self._now()
        return sum(
            (each.amount for each in self._reservations.values() if each.expires_at > now),
            Decimal(0),
        )

    def _used(self, name: str, month: str, now: datetime) -> Decimal:
        return self._spent[name, month] + sum(
            reservation.amount
            for reservation in self._reservations.values()
            if name in reservation.scopes
            and reservation.month == month
            and reservation.expires_at > now
        )

    async def _caps(self, scope: BudgetScope) -> Mapping[str, Decimal | None]:
        caps = {"all": scope.cap}
        if scope.api_key_id is not None and self._keys is not None:
            for key in await self._keys.list():
                if key.id == scope.api_key_id:
                    caps[f"key:{key.id}"] = key.monthly_budget_usd
        if scope.repository is not None and self._repositories is not None:
            repository = await self._repositories.get(scope.repository, EVERYTHING)
            if repository is not None:
                caps[f"repository:{repository.id}"] = repository.monthly_budget_usd
        return caps
