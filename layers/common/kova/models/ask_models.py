"""Ask one provider, then the other: reservations, retries, breakers and deadlines around a call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from kova.models.deadlines import CommandTimeouts
from kova.models.model_answer import ModelAnswer, UnusableAnswerError
from kova.models.model_call import (
    Call,
    Listener,
    ModelRequest,
    ProviderEntry,
    Tally,
    Turn,
    collect_events,
)
from kova.models.outcome import Outcome
from kova.models.ports import BudgetStore
from kova.models.price import max_tokens
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
# After these outcomes no other provider is asked.
_FINAL: Final = frozenset({Outcome.REFUSAL, Outcome.TRUNCATED})
_PROVIDER_FAULTS: Final = frozenset(
    error.reason
    for error in (
        ModelUnavailableError,
        ModelRateLimitedError,
        ModelTimeoutError,
        ModelCutError,
        ModelNonsenseError,
    )
)


class AskModels:
    """Gets one usable answer from the configured providers."""

    def __init__(
        self,
        *,
        providers: Mapping[Provider, ProviderEntry],
        budget: BudgetStore,
        meter: Meter,
        timeouts: CommandTimeouts,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.providers = providers
        self._budget = budget
        self._meter = meter
        self.timeouts = timeouts
        self._sleep = sleep
        self._jitter = jitter

    async def ask(
        self, request: ModelRequest, tally: Tally, listen: Listener | None
    ) -> ModelAnswer:
        """Return the first usable answer of the providers, asked in order.

        Raises:
            BudgetExhaustedError: the budget does not allow the call.
            UnusableAnswerError: the answer is malformed, too long, or a refusal.
            ModelError: no provider answered; of all failures the one that says most.
        """
        now = asyncio.get_running_loop().time
        started = now()
        providers = [self.providers[name] for name in request.order if name in self.providers]
        failures: list[ModelError | UnusableAnswerError] = []
        for number, provider_entry in enumerate(providers):
            if not provider_entry.breaker.allows_call():
                failures.append(ModelUnavailableError(retry_after=provider_entry.breaker.pause))
                continue
            tally.fallback = number > 0
            if tally.fallback:
                self._meter.count("kova_ai_fallbacks_total", task=request.task)
            before_import = now()
            model = await provider_entry.model()
            started += now() - before_import  # To import an SDK is no silence of the provider.
            turn = Turn(
                provider_entry=provider_entry,
                model=model,
                request=request,
                tally=tally,
                listen=listen,
                end=started + self.timeouts.deadline,
                silence_ends=self._silence_ends(providers, number, started),
                pause=self.timeouts.deadline if len(providers) == 1 else self.timeouts.pause,
            )
            try:
                return await self._ask_with_retry(turn)
            except (ModelError, UnusableAnswerError) as exc:
                if isinstance(exc, UnusableAnswerError) and exc.outcome in _FINAL:
                    raise
                failures.append(exc)
                await turn.notify_restart()
        tally.retry_after = max(map(_retry_after, failures), default=0.0)
        raise max(failures, key=_weigh_failure)

    def _silence_ends(
        self, providers: Sequence[ProviderEntry], number: int, started: float
    ) -> float:
        """Return the moment until which the provider with this number may stay silent."""
        timeouts, now = self.timeouts, asyncio.get_running_loop().time()
        if len(providers) == 1:
            return started + timeouts.deadline
        if any(not later.breaker.is_open for later in providers[number + 1 :]):
            return now + timeouts.replaced_after
        return min(
            max(started + timeouts.given_up_after, now + timeouts.pause),
            started + timeouts.deadline,
        )

    async def _ask_with_retry(self, turn: Turn) -> ModelAnswer:
        """Ask one provider, and once more when that may help and there is time."""
        attempt = 1
        while True:
            try:
                return await self._call_model(turn)
            except (ModelUnavailableError, ModelCutError) as exc:
                retry_after = exc.data.get("retry_after")
                least = retry_after if isinstance(retry_after, float) else 0.25
                delay = least + 0.25 * self._jitter()
                next_call = asyncio.get_running_loop().time() + delay + _LEAST_SECONDS
                if attempt == _ATTEMPTS or delay > _LONGEST_WAIT or next_call > turn.silence_ends:
                    raise
            await turn.notify_restart()
            await self._sleep(delay)
            turn.tally.waited_seconds += delay
            attempt += 1

    async def _call_model(self, turn: Turn) -> ModelAnswer:
        """Make one call. Its cost is settled however it ends."""
        provider_entry, request, tally = turn.provider_entry, turn.request, turn.tally
        now = asyncio.get_running_loop().time
        tally.provider, tally.model = provider_entry.provider, provider_entry.model_id
        if turn.end - now() < _LEAST_SECONDS:
            raise ModelTimeoutError
        prompt = request.prompt
        upper_bound = provider_entry.price.cost(max_tokens(prompt.size, prompt.max_output_tokens))
        reservation = await self._budget.reserve(
            request.scope, upper_bound, self.timeouts.reservation
        )
        call = Call()
        started = now()
        outcome: str = Outcome.CANCELLED
        try:
            await collect_events(turn, call)
            answer = call.parse_answer(review=request.review)
            outcome = Outcome.OK
            return answer
        except (ModelError, UnusableAnswerError) as exc:
            outcome = exc.outcome if isinstance(exc, UnusableAnswerError) else exc.reason
            if isinstance(exc, ModelNonsenseError):
                kind = exc.data.get("outcome")
                raise UnusableAnswerError(
                    kind if isinstance(kind, Outcome) else Outcome.WRONG_SHAPE
                ) from exc
            raise
        finally:
            tally.waited_seconds += now() - started
            self._record_outcome(provider_entry, outcome, now() - started)
            usage = call.token_usage(request.prompt)
            cost = provider_entry.price.cost(usage)
            tally.usage += usage
            tally.cost += cost
            self._count_usage(provider_entry, request, usage, cost)
            await run_shielded(self._budget.settle(reservation, cost))

    def _record_outcome(self, provider_entry: ProviderEntry, outcome: str, seconds: float) -> None:
        """Report a call's outcome to the breaker and the meter."""
        provider = provider_entry.provider.value
        self._meter.count("kova_ai_calls_total", provider=provider, outcome=outcome)
        self._meter.observe("kova_ai_call_duration_seconds", seconds, provider=provider)
        before = provider_entry.breaker.is_open
        if outcome in _PROVIDER_FAULTS:
            provider_entry.breaker.record_failure()
        elif outcome not in {Outcome.CANCELLED, ModelMisconfiguredError.reason}:
            provider_entry.breaker.record_success()
        if provider_entry.breaker.is_open is not before:
            state = "closed" if before else "open"
            self._meter.count("kova_ai_breaker_changes_total", provider=provider, state=state)

    def _count_usage(
        self, provider_entry: ProviderEntry, request: ModelRequest, usage: TokenUsage, cost: Decimal
    ) -> None:
        labels = {"provider": provider_entry.provider.value, "task": request.task.value}
        count = self._meter.count
        count("kova_ai_tokens_total", usage.input_tokens, **labels, direction="input")
        count("kova_ai_tokens_total", usage.output_tokens, **labels, direction="output")
        count("kova_ai_cost_usd_total", float(cost), **labels)

    async def close(self) -> None:
        """Close every model."""
        for provider_entry in self.providers.values():
            await provider_entry.close()


def _retry_after(error: Exception) -> float:
    """Return the seconds that the provider asks to wait; 0 where it asks for none."""
    seconds = error.data.get("retry_after") if isinstance(error, ModelError) else None
    return seconds if isinstance(seconds, float) else 0.0


def _weigh_failure(error: Exception) -> int:
    """An unusable answer says more than silence, silence more than a wrong key."""
    for weight, kind in enumerate((ModelMisconfiguredError, ModelTimeoutError, ModelError)):
        if isinstance(error, kind):
            return weight
    return 3


_SHIELDED_TASKS: Final[set[asyncio.Task[None]]] = set()


async def run_shielded(work: Coroutine[Any, Any, None]) -> None:
    """Do some work to its end, even when the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    _SHIELDED_TASKS.add(task)
    task.add_done_callback(_SHIELDED_TASKS.discard)
    await asyncio.shield(task)
