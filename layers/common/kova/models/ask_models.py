"""Ask one provider, then the other: reservations, retries, breakers and deadlines around a call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from kova.models.deadlines import Patience
from kova.models.model_answer import ModelAnswer, UnusableAnswerError
from kova.models.model_call import Call, Candidate, Listener, Tally, Turn, Wanted, converse
from kova.models.outcome import Outcome
from kova.models.ports import BudgetStore
from kova.models.price import most_tokens
from kova.models.provider import Provider
from kova.models.usage import TokenUsage
from kova.shared.exceptions import (
    ModelCutError,
    ModelError,
    ModelMisconfiguredError,
    ModelNonsenseError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from kova.shared.meter import Meter

_ATTEMPTS: Final = 2
_LONGEST_WAIT: Final = 2.0
_LEAST_SECONDS: Final = 0.5
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
        self.patience = patience
        self._sleep = sleep
        self._jitter = jitter

    async def run(self, wanted: Wanted, tally: Tally, listen: Listener | None) -> ModelAnswer:
        """Ask the providers in order until one answers usably.

        Raises:
            BudgetExhaustedError: the budget does not allow the call.
            UnusableAnswerError: what came is no answer, or the model refuses, or it was too long.
            ModelError: nobody answered; the one that says most.
        """
        now = asyncio.get_running_loop().time
        began = now()
        chosen = [self.candidates[one] for one in wanted.order if one in self.candidates]
        failures: list[ModelError | UnusableAnswerError] = []
        for number, candidate in enumerate(chosen):
            if not candidate.breaker.allows():
                failures.append(ModelUnavailableError(retry_after=candidate.breaker.pause))
                continue
            tally.fallback = number > 0
            if tally.fallback:
                self._meter.count("kova_ai_fallbacks_total", task=wanted.task)
            asked = now()
            model = await candidate.model()
            began += now() - asked  # To import an SDK is no silence of the provider.
            turn = Turn(
                candidate=candidate,
                model=model,
                wanted=wanted,
                tally=tally,
                listen=listen,
                end=began + self.patience.deadline,
                silent_until=self._silent_until(chosen, number, began),
                pause=self.patience.deadline if len(chosen) == 1 else self.patience.pause,
            )
            try:
                return await self._patiently(turn)
            except (ModelError, UnusableAnswerError) as exc:
                if isinstance(exc, UnusableAnswerError) and exc.outcome in _FINAL:
                    raise
                failures.append(exc)
                await turn.begin_anew()
        tally.retry_after = max((_wait(one) for one in failures), default=0.0)
        raise max(failures, key=_weight)

    def _silent_until(self, chosen: Sequence[Candidate], number: int, began: float) -> float:
        """Return when one of those asked, silent until then, is no longer waited for."""
        patience, now = self.patience, asyncio.get_running_loop().time()
        if len(chosen) == 1:
            return began + patience.deadline
        if any(not other.breaker.open for other in chosen[number + 1 :]):
            return now + patience.replaced_after
        return min(
            max(began + patience.given_up_after, now + patience.pause), began + patience.deadline
        )

    async def _patiently(self, turn: Turn) -> ModelAnswer:
        """Ask one provider, once more when that may help and there is time."""
        attempt = 1
        while True:
            try:
                return await self._once(turn)
            except (ModelUnavailableError, ModelCutError) as exc:
                asked = exc.data.get("retry_after")
                least = asked if isinstance(asked, float) else 0.25
                delay = least + 0.25 * self._jitter()
                again = asyncio.get_running_loop().time() + delay + _LEAST_SECONDS
                if attempt == _ATTEMPTS or delay > _LONGEST_WAIT or again > turn.silent_until:
                    raise
            await turn.begin_anew()
            await self._sleep(delay)
            attempt += 1

    async def _once(self, turn: Turn) -> ModelAnswer:
        """Make one call; what it used is settled however it ends."""
        candidate, wanted, tally = turn.candidate, turn.wanted, turn.tally
        now = asyncio.get_running_loop().time
        tally.provider, tally.model = candidate.provider, candidate.model_id
        if turn.end - now() < _LEAST_SECONDS:
            raise ModelTimeoutError
        prompt = wanted.prompt
        most = candidate.price.cost(most_tokens(prompt.size, prompt.max_output_tokens))
        reservation = await self._budget.reserve(wanted.scope, most, self.patience.reservation)
        call = Call()
        started = now()
        outcome: str = Outcome.CANCELLED
        try:
            await converse(turn, call)
            answer = call.answer(review=wanted.review)
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
            self._note(candidate, outcome, now() - started)
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
