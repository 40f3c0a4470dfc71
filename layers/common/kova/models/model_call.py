"""One call to one model: who is asked, what is asked, and what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from kova.models.breaker import Breaker
from kova.models.model_answer import ModelAnswer, UnusableAnswerError, read_answer
from kova.models.outcome import Outcome
from kova.models.ports import Began, BudgetScope, Ended, Finish, Model, Piece
from kova.models.price import Price, estimate_tokens, max_tokens
from kova.models.prompt import Prompt
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.shared.exceptions import ModelCutError, ModelNonsenseError, ModelTimeoutError

_CHARACTERS_A_TOKEN: Final = 32

Listener = Callable[[str | None], Awaitable[None]]
"""Is called with each piece of an answer as it arrives; with None when another attempt begins."""


@dataclass(kw_only=True)
class ProviderEntry:
    """A configured provider. Its model is made, and its SDK imported, at the first use."""

    provider: Provider
    model_id: str
    price: Price
    load: Callable[[], Model]
    breaker: Breaker = field(default_factory=lambda: Breaker(clock=time.monotonic))
    _model: Model | None = None

    async def model(self) -> Model:
        """Return the model. A thread makes it: importing an SDK keeps a core busy for a second."""
        if self._model is None:
            self._model = await asyncio.to_thread(self.load)
        return self._model

    async def close(self) -> None:
        """Close the model if it was made."""
        if self._model is not None:
            await self._model.close()


@dataclass(kw_only=True)
class Tally:
    """What a command has cost so far, also when it fails."""

    usage: TokenUsage = field(default_factory=TokenUsage)
    cost: Decimal = Decimal(0)
    provider: Provider | None = None
    model: str | None = None
    fallback: bool = False
    retry_after: float | None = None
    repository: str | None = None
    waited_seconds: float = 0.0
    """Spent on providers: in calls, and in pauses that they made necessary."""


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """A prompt, the providers to ask in order, and whose budget pays.

    `review` decides whether the answer has the shape of REVIEW_SCHEMA or of ANSWER_SCHEMA.
    """

    prompt: Prompt
    order: Sequence[Provider]
    task: Task
    scope: BudgetScope
    review: bool


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One provider's attempts at a command.

    Moments are the event loop's, in seconds; models/deadlines.py has the arithmetic.

    Attributes:
        end: the command's deadline.
        silence_ends: when the first part of an answer must have arrived.
        pause: seconds that may then pass between two events of the provider.
    """

    provider_entry: ProviderEntry
    model: Model
    request: ModelRequest
    tally: Tally
    listen: Listener | None
    end: float
    silence_ends: float
    pause: float

    async def notify_restart(self) -> None:
        """Tell the listener to discard the pieces so far: they do not belong to the answer."""
        if self.listen is not None:
            await self.listen(None)


@dataclass(kw_only=True)
class Call:
    """What one call to a model has returned so far."""

    began: bool = False
    input_tokens: int | None = None
    pieces: list[str] = field(default_factory=list)
    ended: Ended | None = None

    @property
    def text(self) -> str:
        """The text of the answer so far."""
        return "".join(self.pieces)

    def token_usage(self, prompt: Prompt) -> TokenUsage:
        """Return the tokens: counted by the provider, estimated after a break, 0 before a start.

        A count above the upper bound is wrong: it is cut to the bound, which was reserved.
        """
        usage = self._unchecked_usage(prompt)
        bound = max_tokens(prompt.size, prompt.max_output_tokens)
        return TokenUsage(
            input_tokens=min(usage.input_tokens, bound.input_tokens),
            output_tokens=min(usage.output_tokens, bound.output_tokens),
        )

    def _unchecked_usage(self, prompt: Prompt) -> TokenUsage:
        if self.ended is not None and self.ended.usage is not None:
            return self.ended.usage
        if not self.began and self.ended is None:
            return TokenUsage()
        input_tokens = prompt.size // 3 if self.input_tokens is None else self.input_tokens
        return TokenUsage(input_tokens=input_tokens, output_tokens=estimate_tokens(self.text))

    def parse_answer(self, *, review: bool) -> ModelAnswer:
        """Return the answer of a call that has ended.

        Raises:
            UnusableAnswerError: it refuses, is cut at the limit of tokens, or has another shape.
        """
        assert self.ended is not None
        if self.ended.finish is Finish.REFUSAL:
            raise UnusableAnswerError(Outcome.REFUSAL)
        if self.ended.finish is Finish.LENGTH:
            raise UnusableAnswerError(Outcome.TRUNCATED)
        return read_answer(self.text, review=review)


async def collect_events(turn: Turn, call: Call) -> None:
    """Call the model and add its events to `call`.

    The event `Began` does not end the silence: some providers send it long before they work.

    Raises:
        ModelError: the provider failed, broke off, or was silent for too long.
    """
    prompt, now = turn.request.prompt, asyncio.get_running_loop().time
    stream = turn.model.stream(prompt, seconds=turn.end - now())
    size = 0
    try:
        async with asyncio.timeout_at(turn.silence_ends) as limit:
            async for event in stream:
                call.began = True
                if isinstance(event, Began):
                    call.input_tokens = event.input_tokens
                    continue
                limit.reschedule(min(turn.end, max(turn.silence_ends, now() + turn.pause)))
                if isinstance(event, Piece):
                    size += len(event.text)
                    if size > prompt.max_output_tokens * _CHARACTERS_A_TOKEN:
                        raise ModelNonsenseError(outcome=Outcome.WRONG_SHAPE)
                    call.pieces.append(event.text)
                    if turn.listen is not None:
                        await turn.listen(event.text)
                elif isinstance(event, Ended):
                    call.ended = event
    except TimeoutError as exc:
        raise ModelTimeoutError from exc
    finally:
        await stream.aclose()
    if call.ended is None:
        raise ModelCutError
