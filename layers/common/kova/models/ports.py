"""The models that answer commands: one prompt in, words out, no token and no tool."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

from kova.models.prompt import Prompt
from kova.models.provider import Provider
from kova.models.usage import TokenUsage, Usage


class Finish(enum.StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"


@dataclass(frozen=True, kw_only=True)
class Began:
    """The provider is at work; the tokens of the prompt, where it tells them this early."""

    input_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """A sign of work that is no text of the answer."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some more of the answer."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The answer is whole; `usage` is None where the provider does not count."""

    finish: Finish
    usage: TokenUsage | None


ModelEvent = Began | Thinking | Piece | Ended


class Model(Protocol):
    """One model of one provider. It makes one attempt; who asks decides about more."""

    @property
    def provider(self) -> Provider:
        """Whose it is."""

    @property
    def model(self) -> str:
        """Its id."""

    def stream(self, prompt: Prompt, *, seconds: float) -> AsyncGenerator[ModelEvent, None]:
        """Answer a prompt, piece by piece; closing the generator ends the request.

        Raises:
            ModelUnavailableError: no answer, or an error of the provider's (`retry_after` seconds
                in its data where it says so); trying again may help.
            ModelTimeoutError: no answer within `seconds`.
            ModelCutError: the answer broke off.
            ModelMisconfiguredError: the key, the model or the request is refused.
            ModelNonsenseError: what came is no answer of this API (`outcome` says which kind).
        """

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, kw_only=True)
class BudgetScope:
    """Whose money is spent. `cap` is the limit for everybody together, in US dollars a month."""

    api_key_id: str | None
    repository: str | None
    cap: Decimal | None


class BudgetStore(Protocol):
    """Money reserved and spent, by month (UTC), key, repository and altogether."""

    async def reserve(self, scope: BudgetScope, amount: Decimal, lifetime: timedelta) -> str:
        """Set an upper bound aside, atomically, and return the reservation's id.

        One that is never settled counts no longer when its lifetime is over.

        Raises:
            BudgetExhaustedError: it would pass the cap of the key, the repository or everybody.
        """

    async def settle(self, reservation: str, cost: Decimal) -> None:
        """Put the real cost in the reservation's place; doing it again changes nothing."""


class UsageStore(Protocol):
    """What AI commands cost."""

    async def month(self, first_day: date, total_budget: Decimal | None) -> Usage:
        """Sum a month by key and repository, and tell every budget that is set."""
