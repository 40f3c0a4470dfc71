"""The JSON of keys, usage and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from kova.access.api_key import ApiKey, Scope
from kova.models.usage import Budget, Usage, UsageRow
from kova.shared.audit import Action, AuditRecord
from kova.shared.repository import REACHED_NAME_PATTERN
from kova.web.schemas.base import Moment, Request, View
from kova.web.schemas.repositories import Money


class KeyRequest(Request):
    """POST /api/keys."""

    name: Annotated[str, Field(pattern=r"\S", min_length=1, max_length=100, examples=["ci"])]
    scopes: Annotated[
        list[Annotated[Scope, Field(strict=False)]], Field(min_length=1, max_length=4)
    ] = Field(examples=[["read", "scan"]])
    expires_at: Moment | None = None
    monthly_budget_usd: Money | None = None
    repositories: (
        Annotated[
            list[Annotated[str, Field(pattern=REACHED_NAME_PATTERN)]],
            Field(min_length=1, max_length=100),
        ]
        | None
    ) = Field(
        default=None,
        description="The repositories that the key reaches; all of them if left out.",
        examples=[["octo/sample"]],
    )


class KeyView(View):
    """An API key, without its secret."""

    prefix: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    monthly_budget_usd: float | None
    repositories: list[str] | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Show a key."""
        return cls.model_validate(_fields(key))


class NewKeyView(KeyView):
    """An API key at its birth: `key` can be seen this once."""

    key: str

    @classmethod
    def made(cls, key: ApiKey, plaintext: str) -> Self:
        """Show a new key."""
        return cls.model_validate({**_fields(key), "key": plaintext})


def _fields(key: ApiKey) -> dict[str, Any]:
    budget = key.monthly_budget_usd
    return {
        **key.__dict__,
        "scopes": sorted(key.scopes),
        "repositories": None if key.reach.names is None else sorted(key.reach.names),
        "monthly_budget_usd": float(budget) if budget is not None else None,
    }


class AuditView(View):
    """Who did what."""

    id: str
    actor: str
    action: Action
    target: str
    detail: dict[str, str | int | bool | None]
    created_at: datetime

    @classmethod
    def of(cls, record: AuditRecord) -> Self:
        """Return the view of a record."""
        return cls.model_validate(record.__dict__)


class UsageRowView(View):
    """The sums of one key and one repository."""

    month: str
    key_prefix: str | None
    key_name: str | None
    repository: str | None
    commands: int
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: float

    @classmethod
    def of(cls, row: UsageRow) -> Self:
        """Show a row."""
        return cls.model_validate({**row.__dict__, "cost_usd": float(row.cost_usd)})


class BudgetView(View):
    """A monthly cap and what is spent of it."""

    kind: str
    name: str
    limit_usd: float
    spent_usd: float

    @classmethod
    def of(cls, budget: Budget) -> Self:
        """Show a budget."""
        return cls(
            kind=budget.kind,
            name=budget.name,
            limit_usd=float(budget.limit_usd),
            spent_usd=float(budget.spent_usd),
        )


class UsageView(View):
    """One month's usage, the dearest first, and every budget that is set."""

    month: str
    cost_usd: float
    items: list[UsageRowView]
    budgets: list[BudgetView]

    @classmethod
    def of(cls, usage: Usage) -> Self:
        """Show a month."""
        return cls(
            month=usage.month,
            cost_usd=float(sum(row.cost_usd for row in usage.rows)),
            items=[UsageRowView.of(row) for row in usage.rows],
            budgets=[BudgetView.of(budget) for budget in usage.budgets],
        )
