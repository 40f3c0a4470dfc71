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
from kova.models.price import Price, estimated_tokens, most_tokens
from kova.models.prompt import Prompt
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.shared.exceptions import ModelCutError, ModelNonsenseError, ModelTimeoutError

_CHARACTERS_A_TOKEN: Final = 32

Listener = Callable[[str | None], Awaitable[None]]
"""Takes the pieces of an answer as they arrive; None says that it begins anew."""


@dataclass(kw_only=True)
class Candidate:
    """A provider that is configured. The model is made, and its SDK imported, at first use."""

    provider: Provider
    model_id: str
    price: Price
    load: Callable[[], Model]
    breaker: Breaker = field(default_factory=lambda: Breaker(clock=time.monotonic))
    _model: Model | None = None

    async def model(self) -> Model:
        """Return the model; importing an SDK takes a second of work, so a thread does it."""
        if self._model is None:
            self._model = await asyncio.to_thread(self.load)
        return self._model

    async def close(self) -> None:
        """Close the model, if there is one."""
        if self._model is not None:
            await self._model.close()


@dataclass(kw_only=True)
class Tally:
    """What a command has used so far, also when it fails."""

    usage: TokenUsage = field(default_factory=TokenUsage)
    cost: Decimal = Decimal(0)
    provider: Provider | None = None
    model: str | None = None
    fallback: bool = False
    retry_after: float | None = None
    repository: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of whom, and who pays. `review` says which shape the answer has."""

    prompt: Prompt
    order: Sequence[Provider]
    task: Task
    scope: BudgetScope
    review: bool


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One provider's turn at a command.

    Moments are the event loop's, in seconds; models/deadlines.py has the arithmetic.

    Attributes:
        end: the command's deadline.
        silent_until: when something of an answer must have come.
        pause: seconds that may then pass between two signs of work.
    """

    candidate: Candidate
    model: Model
    wanted: Wanted
    tally: Tally
    listen: Listener | None
    end: float
    silent_until: float
    pause: float

    async def begin_anew(self) -> None:
        """Tell who listens that what came is no answer."""
        if self.listen is not None:
            await self.listen(None)


@dataclass(kw_only=True)
class Call:
    """One attempt while it goes on."""

    began: bool = False
    sent: int | None = None
    pieces: list[str] = field(default_factory=list)
    ended: Ended | None = None

    @property
    def text(self) -> str:
        """What came of the answer."""
        return "".join(self.pieces)

    def used(self, prompt: Prompt) -> TokenUsage:
        """Return its tokens: counted, estimated where it broke off, none if it never began.

        A count beyond what there can be is wrong, and costs no more than was set aside.
        """
        told, most = self._told(prompt), most_tokens(prompt.size, prompt.max_output_tokens)
        return TokenUsage(
            input_tokens=min(told.input_tokens, most.input_tokens),
            output_tokens=min(told.output_tokens, most.output_tokens),
        )

    def _told(self, prompt: Prompt) -> TokenUsage:
        if self.ended is not None and self.ended.usage is not None:
            return self.ended.usage
        if not self.began and self.ended is None:
            return TokenUsage()
        sent = prompt.size // 3 if self.sent is None else self.sent
        return TokenUsage(input_tokens=sent, output_tokens=estimated_tokens(self.text))

    def answer(self, *, review: bool) -> ModelAnswer:
        """Return what a call that has ended said.

        Raises:
            UnusableAnswerError: it is no answer.
        """
        assert self.ended is not None
        if self.ended.finish is Finish.REFUSAL:
            raise UnusableAnswerError(Outcome.REFUSAL)
        if self.ended.finish is Finish.LENGTH:
            raise UnusableAnswerError(Outcome.TRUNCATED)
        return read_answer(self.text, review=review)


async def converse(turn: Turn, call: Call) -> None:
    """Take the events of one call into `call`. That it began is no sign of work yet.

    Raises:
        ModelError: it went wrong.
    """
    prompt, now = turn.wanted.prompt, asyncio.get_running_loop().time
    stream = turn.model.stream(prompt, seconds=turn.end - now())
    size = 0
    try:
        async with asyncio.timeout_at(turn.silent_until) as limit:
            async for event in stream:
                call.began = True
                if isinstance(event, Began):
                    call.sent = event.input_tokens
                    continue
                limit.reschedule(min(turn.end, max(turn.silent_until, now() + turn.pause)))
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
