"""What AI commands cost, from the commands in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from kova.access.api_key import ApiKey
from kova.access.ports import ApiKeyStore
from kova.adapters.memory.availability import Switchable
from kova.adapters.memory.commands import MemoryCommandStore
from kova.commands.command import Command
from kova.models.usage import Budget, Usage, UsageRow, month_of
from kova.shared.page import PageRequest
from kova.shared.ports import RepositoryStore
from kova.shared.reach import Reach
from kova.shared.repository import Repository

_MOST_REPOSITORIES: Final = 10_000


class MemoryUsageStore(Switchable):
    """Implements models.ports.UsageStore."""

    def __init__(
        self, *, commands: MemoryCommandStore, keys: ApiKeyStore, repositories: RepositoryStore
    ) -> None:
        self._commands = commands
        self._keys = keys
        self._repositories = repositories

    async def month(
        self, first_day: date, total_budget: Decimal | None, reach: Reach, key_id: str | None
    ) -> Usage:
        """Return a month's sums by key and repository, with every budget that is set."""
        self.check()
        keys = [key for key in await self._keys.list() if reach.is_everything or key.id == key_id]
        page = await self._repositories.page(PageRequest(limit=_MOST_REPOSITORIES), reach)
        month = f"{first_day:%Y-%m}"
        groups = defaultdict[tuple[ApiKey | None, str | None], list[Command]](list)
        keys_by_id = {key.id: key for key in keys}
        names = {repository.full_name.lower(): repository.full_name for repository in page.items}
        for command in self._commands.all():
            repository = command.request.repository
            is_own = key_id is not None and command.api_key_id == key_id
            is_reached = reach.covers(repository) or (is_own and repository is None)
            if is_reached and month_of(command.created_at) == month:
                key = keys_by_id.get(command.api_key_id or "")
                groups[key, names.get((repository or "").lower())].append(command)
        rows = [_sum_up(month, key, name, commands) for (key, name), commands in groups.items()]
        rows.sort(key=_order)
        return Usage(
            month=month,
            rows=tuple(rows),
            budgets=_budgets(rows, keys, page.items, total_budget if reach.is_everything else None),
        )


def _sum_up(
    month: str, key: ApiKey | None, repository: str | None, commands: Sequence[Command]
) -> UsageRow:
    return UsageRow(
        month=month,
        key_prefix=key.prefix if key else None,
        key_name=key.name if key else None,
        repository=repository,
        commands=len(commands),
        cached=sum(command.cached for command in commands),
        input_tokens=sum(command.usage.input_tokens for command in commands),
        output_tokens=sum(command.usage.output_tokens for command in commands),
        cost_usd=sum((command.cost_usd for command in commands), Decimal(0)),
    )


def _order(row: UsageRow) -> tuple[Decimal, bool, str, bool, str]:
    """The dearest first; then by key and repository, those without one last."""
    prefix, repository = row.key_prefix, row.repository
    return -row.cost_usd, prefix is None, prefix or "", repository is None, repository or ""


def _budgets(
    rows: Sequence[UsageRow],
    keys: Sequence[ApiKey],
    repositories: Sequence[Repository],
    total: Decimal | None,
) -> tuple[Budget, ...]:
    caps: list[tuple[str, str, Decimal]] = [
        ("key", key.prefix, key.monthly_budget_usd)
        for key in keys
        if key.monthly_budget_usd is not None and key.revoked_at is None
    ]
    caps += [
        ("repository", repository.full_name, repository.monthly_budget_usd)
        for repository in repositories
        if repository.monthly_budget_usd is not None
    ]
    caps.sort()
    if total is not None:
        caps.append(("total", "total", total))
    return tuple(
        Budget(kind=kind, name=name, limit_usd=cap, spent_usd=_spent(rows, kind, name))
        for kind, name, cap in caps
    )


def _spent(rows: Sequence[UsageRow], kind: str, name: str) -> Decimal:
    names = {"key": "key_prefix", "repository": "repository"}
    return sum(
        (row.cost_usd for row in rows if kind == "total" or getattr(row, names[kind]) == name),
        Decimal(0),
    )
