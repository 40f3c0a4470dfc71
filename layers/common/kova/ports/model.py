"""The models that answer commands: one prompt in, words out, no token and no tool."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from kova.domain.command import Provider, TokenUsage
from kova.domain.prompt import Prompt


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
