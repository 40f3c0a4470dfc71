"""Ask one provider, then the other: reservations, retries, breakers and deadlines around a call."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from kova.domain.breaker import Breaker
from kova.domain.command import Outcome, Provider, Task, TokenUsage
from kova.domain.errors import (
    ModelCutError,
    ModelError,
    ModelMisconfiguredError,
    ModelNonsenseError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from kova.domain.model_answer import ModelAnswer, UnusableAnswerError, read_answer
from kova.domain.price import Price, estimated_tokens
from kova.domain.prompt import Prompt
from kova.ports.commands import BudgetScope, BudgetStore
from kova.ports.meter import Meter
from kova.ports.model import Began, Ended, Finish, Model, Piece

_ATTEMPTS: Final = 2
_LONGEST_WAIT: Final = 2.0
_LEAST_SECONDS: Final = 0.5
# A call that lives longer than this is no longer waited for by anybody.
_RESERVED_FOR: Final = timedelta(seconds=90)
_CHARACTERS_A_TOKEN: Final = 32
# Another provider is not asked for what these say.
_FINAL: Final = frozenset({Outcome.REFUSAL, Outcome.TRUNCATED})
_PROVIDERS_FAULT: Final = frozenset(
    one.reason
    for one in (
        ModelUnavailableError,
        ModelRateLimitedError,
        ModelTimeoutError,
        ModelCutError,
        ModelNonsenseError,
    )
)

Listener = Callable[[str | None], Awaitable[None]]
"""Takes the pieces of an answer as they arrive; None says that it begins anew."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds: for a whole command, and for the first sign of life where another could answer."""

    deadline: float = 20.0
    first: float = 4.0


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


@dataclass(kw_only=True)
class _Call:
    """One attempt while it goes on."""

    began: bool = False
    sent: int | None = None
    pieces: list[str] = field(default_factory=list)
    ended: Ended | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def used(self, prompt: Prompt) -> TokenUsage:
        """Return its tokens: counted, estimated where it broke off, none if it never began."""
        if self.ended is not None and self.ended.usage is not None:
            return self.ended.usage
        if not self.began and self.ended is None:
            return TokenUsage()
        said = min(estimated_tokens(self.text), prompt.max_output_tokens)
        sent = prompt.size // 3 if self.sent is None else self.sent
        return TokenUsage(input_tokens=sent, output_tokens=said)


class AskModels:
    """Gets one usable answer, or says why there is none."""

    def __init__(
        self,
        *,
        candidates: Mapping[Provider, Candidate],
        budget: BudgetStore,
        meter: Meter,
        patience: Patience,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take the configured providers, the budget, and how long anything may take."""
        self.candidates = candidates
        self._budget = budget
        self._meter = meter
        self._patience = patience
        self._sleep = sleep
        self._jitter = jitter

    async def run(self, wanted: Wanted, tally: Tally, listen: Listener | None) -> ModelAnswer:
        """Ask the providers in order until one answers usably.

        Raises:
            BudgetExhaustedError: the budget does not allow the call.
            UnusableAnswerError: what came is no answer, or the model refuses, or it was too long.
            ModelError: nobody answered; the one that says most.
        """
        end = time.monotonic() + self._patience.deadline
        chosen = [self.candidates[one] for one in wanted.order if one in self.candidates]
        failures: list[ModelError | UnusableAnswerError] = []
        for number, candidate in enumerate(chosen):
            if not candidate.breaker.allows():
                failures.append(ModelUnavailableError(retry_after=candidate.breaker.pause))
                continue
            tally.fallback = number > 0
            if tally.fallback:
                self._meter.count("kova_ai_fallbacks_total", task=wanted.task)
            alone = len(chosen) == 1
            try:
                return await self._patiently(candidate, wanted, tally, end, listen, alone=alone)
            except (ModelError, UnusableAnswerError) as exc:
                if isinstance(exc, UnusableAnswerError) and exc.outcome in _FINAL:
                    raise
                failures.append(exc)
                if listen is not None:
                    await listen(None)
        tally.retry_after = max((_wait(one) for one in failures), default=0.0)
        raise max(failures, key=_weight)

    async def _patiently(
        self,
        candidate: Candidate,
        wanted: Wanted,
        tally: Tally,
        end: float,
        listen: Listener | None,
        *,
        alone: bool,
    ) -> ModelAnswer:
        """Ask one provider, once more when that may help and there is time."""
        attempt = 1
        while True:
            try:
                return await self._once(candidate, wanted, tally, end, listen, alone=alone)
            except (ModelUnavailableError, ModelCutError) as exc:
                asked = exc.data.get("retry_after")
                least = asked if isinstance(asked, float) else 0.25
                delay = least + 0.25 * self._jitter()
                too_late = time.monotonic() + delay + _LEAST_SECONDS > end
                if attempt == _ATTEMPTS or delay > _LONGEST_WAIT or too_late:
                    raise
            if listen is not None:
                await listen(None)
            await self._sleep(delay)
            attempt += 1

    async def _once(
        self,
        candidate: Candidate,
        wanted: Wanted,
        tally: Tally,
        end: float,
        listen: Listener | None,
        *,
        alone: bool,
    ) -> ModelAnswer:
        """Make one call; what it used is settled however it ends."""
        model = await candidate.model()
        tally.provider, tally.model = candidate.provider, candidate.model_id
        left = end - time.monotonic()
        if left < _LEAST_SECONDS:
            raise ModelTimeoutError
        most = candidate.price.most(wanted.prompt.size, wanted.prompt.max_output_tokens)
        reservation = await self._budget.reserve(wanted.scope, most, _RESERVED_FOR)
        call = _Call()
        started = time.monotonic()
        outcome: str = Outcome.CANCELLED
        try:
            first = left if alone else min(self._patience.first, left)
            await _converse(model, wanted.prompt, call, first=first, total=left, listen=listen)
            answer = _read(call, wanted)
            outcome = Outcome.OK
            return answer
        except (ModelError, UnusableAnswerError) as exc:
            outcome = exc.outcome if isinstance(exc, UnusableAnswerError) else exc.reason
            if isinstance(exc, ModelNonsenseError):
                told = exc.data.get("outcome")
                kind = told if isinstance(told, Outcome) else Outcome.WRONG_SHAPE
                raise UnusableAnswerError(kind) from exc
            raise
        finally:
            self._note(candidate, outcome, time.monotonic() - started)
            used = call.used(wanted.prompt)
            cost = candidate.price.cost(used)
            tally.usage += used
            tally.cost += cost
            self._count(candidate, wanted, used, cost)
            await surely(self._budget.settle(reservation, cost))

    def _note(self, candidate: Candidate, outcome: str, seconds: float) -> None:
        """Tell the breaker and the meter how a call went."""
        provider = candidate.provider.value
        self._meter.count("kova_ai_calls_total", provider=provider, outcome=outcome)
        self._meter.observe("kova_ai_call_duration_seconds", seconds, provider=provider)
        before = candidate.breaker.open
        if outcome in _PROVIDERS_FAULT:
            candidate.breaker.failed()
        elif outcome not in {Outcome.CANCELLED, ModelMisconfiguredError.reason}:
            candidate.breaker.succeeded()
        if candidate.breaker.open is not before:
            state = "closed" if before else "open"
            self._meter.count("kova_ai_breaker_changes_total", provider=provider, state=state)

    def _count(self, candidate: Candidate, wanted: Wanted, used: TokenUsage, cost: Decimal) -> None:
        labels = {"provider": candidate.provider.value, "task": wanted.task.value}
        count = self._meter.count
        count("kova_ai_tokens_total", used.input_tokens, **labels, direction="input")
        count("kova_ai_tokens_total", used.output_tokens, **labels, direction="output")
        count("kova_ai_cost_usd_total", float(cost), **labels)

    async def close(self) -> None:
        """Close every model."""
        for candidate in self.candidates.values():
            await candidate.close()


async def _converse(
    model: Model,
    prompt: Prompt,
    call: _Call,
    *,
    first: float,
    total: float,
    listen: Listener | None,
) -> None:
    """Take the events of one call into `call`.

    Raises:
        ModelError: it went wrong.
    """
    stream = model.stream(prompt, seconds=total)
    end = asyncio.get_running_loop().time() + total
    size = 0
    try:
        async with asyncio.timeout(first) as limit:
            async for event in stream:
                limit.reschedule(end)
                call.began = True
                if isinstance(event, Began):
                    call.sent = event.input_tokens
                elif isinstance(event, Piece):
                    size += len(event.text)
                    if size > prompt.max_output_tokens * _CHARACTERS_A_TOKEN:
                        raise ModelNonsenseError(outcome=Outcome.WRONG_SHAPE)
                    call.pieces.append(event.text)
                    if listen is not None:
                        await listen(event.text)
                else:
                    call.ended = event
    except TimeoutError as exc:
        raise ModelTimeoutError from exc
    finally:
        await stream.aclose()
    if call.ended is None:
        raise ModelCutError


def _read(call: _Call, wanted: Wanted) -> ModelAnswer:
    assert call.ended is not None
    if call.ended.finish is Finish.REFUSAL:
        raise UnusableAnswerError(Outcome.REFUSAL)
    if call.ended.finish is Finish.LENGTH:
        raise UnusableAnswerError(Outcome.TRUNCATED)
    return read_answer(call.text, review=wanted.review)


def _wait(error: Exception) -> float:
    asked = error.data.get("retry_after") if isinstance(error, ModelError) else None
    return asked if isinstance(asked, float) else 0.0


def _weight(error: Exception) -> int:
    """An unusable answer says more than silence, silence more than a wrong key."""
    for weight, kind in enumerate((ModelMisconfiguredError, ModelTimeoutError, ModelError)):
        if isinstance(error, kind):
            return weight
    return 3


_SETTLING: Final[set[asyncio.Task[None]]] = set()


async def surely(work: Coroutine[Any, Any, None]) -> None:
    """Do some work to its end, also when the one who waits for it is cancelled."""
    task = asyncio.ensure_future(work)
    _SETTLING.add(task)
    task.add_done_callback(_SETTLING.discard)
    await asyncio.shield(task)
