"""The models that answer commands (they have no tools), their budgets and their costs."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.models.prompt import Prompt
    from kova.models.provider import Provider
    from kova.models.usage import TokenUsage, Usage
    from kova.shared.reach import Reach


class Finish(enum.StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"


@dataclass(frozen=True, kw_only=True)
class Began:
    """The provider accepted the request; `input_tokens` where it counts the prompt this early."""

    input_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """The model works, but this is no text of the answer."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The next part of the answer's text."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The answer is complete; `usage` is None where the provider does not count tokens."""

    finish: Finish
    usage: TokenUsage | None


ModelEvent = Began | Thinking | Piece | Ended


class Model(Protocol):
    """One model of one provider. It makes one attempt; the caller decides about others."""

    @property
    def provider(self) -> Provider:
        """The provider that runs the model."""

    @property
    def model(self) -> str:
        """The provider's id of the model."""

    def stream(self, prompt: Prompt, *, seconds: float) -> AsyncGenerator[ModelEvent, None]:
        """Answer a prompt, piece by piece; closing the generator ends the request.

        Raises:
            ModelUnavailableError: no answer, or an error of the provider; trying again may help
                (after `retry_after` seconds of its data, where the provider says so).
            ModelTimeoutError: no answer within `seconds`.
            ModelCutError: the answer broke off.
            ModelMisconfiguredError: the key, the model or the request is refused.
            ModelNonsenseError: the response is not one of this API (`outcome` says in which way).
        """

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, kw_only=True)
class BudgetScope:
    """Who pays. `cap` is the limit of all commands together, in US dollars a month."""

    api_key_id: str | None
    repository: str | None
    cap: Decimal | None


class BudgetStore(Protocol):
    """Money reserved and spent by month (UTC): per key, per repository and in total."""

    async def reserve(self, scope: BudgetScope, amount: Decimal, lifetime: timedelta) -> str:
        """Reserve an upper bound of a call's cost atomically and return the reservation's id.

        A reservation that is never settled expires after its lifetime.

        Raises:
            BudgetExhaustedError: a cap (of the key, the repository or in total) would be exceeded.
        """

    async def settle(self, reservation: str, cost: Decimal) -> None:
        """Replace the reservation by the real cost; a second call changes nothing."""


class UsageStore(Protocol):
    """What AI commands cost."""

    async def month(
        self, first_day: date, total_budget: Decimal | None, reach: Reach, key_id: str | None
    ) -> Usage:
        """Return a month's sums by key and repository, with every budget that is set.

        A reach that is not everything leaves the sums of its repositories, without the names of
        the keys that are not `key_id`; the budgets of those repositories and of that key; and the
        commands of that key that are about no repository.
        """
