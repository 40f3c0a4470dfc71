"""Run a command: context, prompt, cache, models, checks, ledger. Every end of it is a row."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from kova.commands.assemble_prompt import assemble, is_pull_request_review
from kova.commands.citations import check_citations
from kova.commands.command import Answer, Command, CommandRequest
from kova.commands.gather_context import Context, GatherContext
from kova.commands.ports import AnswerCache, CommandStore, SessionStore
from kova.commands.review import check_findings
from kova.commands.routing import providers_for, task_of
from kova.models.ask_models import AskModels, surely
from kova.models.model_answer import ModelAnswer, UnusableAnswerError
from kova.models.model_call import Listener, Tally, Wanted
from kova.models.outcome import Outcome
from kova.models.ports import BudgetScope
from kova.models.prompt import Material, Message, Prompt
from kova.models.redaction import redact
from kova.models.safe_stream import SafeStream, safe
from kova.shared import exceptions
from kova.shared.exceptions import KovaError, ModelError, RedisUnavailableError
from kova.shared.meter import Meter

_LOG = logging.getLogger("kova.ai")
_DETAIL_LIMIT: Final = 500
_SHORTEST_RETRY: Final = 5.0
_ERRORS: Final[dict[Outcome, type[KovaError]]] = {
    Outcome.REFUSAL: exceptions.AiRefusalError,
    Outcome.TRUNCATED: exceptions.AiTruncatedError,
    Outcome.EMPTY: exceptions.AiEmptyError,
    Outcome.NOT_JSON: exceptions.AiNotJsonError,
    Outcome.WRONG_SHAPE: exceptions.AiWrongShapeError,
    Outcome.NUL: exceptions.AiNulError,
    Outcome.CUT: exceptions.AiCutError,
    Outcome.TIMEOUT: exceptions.AiTimeoutError,
    Outcome.UNAVAILABLE: exceptions.AiUnavailableError,
    Outcome.MISCONFIGURED: exceptions.AiMisconfiguredError,
}


@dataclass(frozen=True, kw_only=True)
class CommandStores:
    """What commands remember; cache and sessions are None without Redis."""

    commands: CommandStore
    cache: AnswerCache | None
    sessions: SessionStore | None


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """All that is known before a model is asked."""

    prompt: Prompt
    shown: tuple[Material, ...]
    context: Context
    kept: bool
    """Whether Redis holds the session."""


class RunCommand:
    """The whole of one command."""

    def __init__(
        self,
        *,
        stores: CommandStores,
        gather: GatherContext,
        ask: AskModels,
        meter: Meter,
        now: Callable[[], datetime],
        cap: Decimal | None,
        secrets: Sequence[str],
    ) -> None:
        """Take the steps, a clock, the cap for everybody, and what is secret here."""
        self._stores = stores
        self._gather = gather
        self._ask = ask
        self._meter = meter
        self._now = now
        self._cap = cap
        self._secrets = secrets

    @property
    def lease(self) -> timedelta:
        """For how long a command is one worker's: one that is so for longer has lost its worker."""
        return self._ask.patience.lease

    def begin(self, request: CommandRequest, api_key_id: str | None) -> Command:
        """Return a new command that nobody has in hand yet. Secrets do not enter the ledger."""
        clean = replace(
            request,
            command=redact(request.command, self._secrets),
            code=redact(request.code, self._secrets) if request.code is not None else None,
        )
        return Command(
            id=str(uuid.uuid4()),
            api_key_id=api_key_id,
            request=clean,
            task=task_of(request),
            outcome=Outcome.QUEUED,
            created_at=self._now(),
            session_id=request.session_id,
        )

    def safe_stream(self) -> SafeStream:
        """Return what makes pieces of an answer fit to be shown."""
        return SafeStream(self._secrets)

    async def run(self, command: Command, listen: Listener | None = None) -> Command:
        """Run it to its end, record the end, and return it.

        Raises:
            KovaError: there is no answer; the row says which way.
        """
        started = time.perf_counter()
        tally = Tally()
        try:
            done = await self._answered(command, tally, listen)
        except asyncio.CancelledError:
            ended = self._ended(command, tally, started, Outcome.CANCELLED, None)
            await surely(self._record(ended))
            raise
        except Exception as exc:
            outcome, error = _explained(exc, tally)
            detail = error.message if isinstance(error, KovaError) else type(error).__name__
            await self._record(self._ended(command, tally, started, outcome, detail))
            if error is exc:
                raise
            raise error from exc
        done = replace(done, duration_ms=_since(started))
        await self._record(done)
        return done

    def _ended(
        self, command: Command, tally: Tally, started: float, outcome: Outcome, detail: str | None
    ) -> Command:
        return replace(
            command,
            request=_about(command.request, tally),
            outcome=outcome,
            provider=tally.provider,
            model=tally.model,
            usage=tally.usage,
            cost_usd=tally.cost,
            fallback=tally.fallback,
            duration_ms=_since(started),
            detail=detail[:_DETAIL_LIMIT] if detail else None,
        )

    async def _record(self, command: Command) -> None:
        provider = command.provider.value if command.provider else "none"
        labels = {"task": command.task.value, "provider": provider}
        self._meter.count("kova_ai_commands_total", **labels, outcome=command.outcome.value)
        if command.outcome is Outcome.REFUSAL:
            self._meter.count("kova_ai_refusals_total", **labels)
        if command.duration_ms is not None:
            seconds = command.duration_ms / 1_000
            self._meter.observe("kova_ai_command_duration_seconds", seconds, **labels)
        await self._stores.commands.save(command)

    async def _answered(self, command: Command, tally: Tally, listen: Listener | None) -> Command:
        request, task = command.request, command.task
        order = providers_for(task, request.provider)
        configured = [self._ask.candidates[one] for one in order if one in self._ask.candidates]
        if not configured:
            raise exceptions.AiNotConfiguredError
        ready = await self._ready(command)
        tally.repository = ready.context.repository
        command = replace(command, request=_about(request, tally))
        session = command.session_id or str(uuid.uuid4())
        identities = [f"{task}:{one.model_id}:{ready.prompt.identity}" for one in configured]
        known = await self._known(identities)
        if known is not None:
            done = replace(
                command,
                outcome=Outcome.OK,
                provider=known.provider,
                model=known.model,
                answer=known.answer,
                cached=True,
                session_id=session,
            )
            return await self._remembered(done, ready, None)
        review = is_pull_request_review(request, task)
        wanted = Wanted(
            prompt=ready.prompt,
            order=order,
            task=task,
            scope=BudgetScope(
                api_key_id=command.api_key_id, repository=tally.repository, cap=self._cap
            ),
            review=review,
        )
        said = await self._ask.run(wanted, tally, listen)
        done = replace(
            command,
            outcome=Outcome.OK,
            provider=tally.provider,
            model=tally.model,
            answer=self._checked(said, ready, review=review),
            usage=tally.usage,
            cost_usd=tally.cost,
            fallback=tally.fallback,
            session_id=session,
        )
        return await self._remembered(done, ready, ready.prompt.identity)

    async def _ready(self, command: Command) -> _Ready:
        history: tuple[Message, ...] = ()
        kept = self._stores.sessions is not None
        if command.session_id is not None and self._stores.sessions is not None:
            try:
                owner = command.api_key_id or ""
                history = await self._stores.sessions.open(command.session_id, owner)
            except RedisUnavailableError as exc:
                kept = False
                _LOG.warning("session not read", extra={"reason": exc.reason})
        context = await self._gather.run(command.request)
        prompt, shown = assemble(command.request, command.task, context.materials, history)
        return _Ready(prompt=prompt, shown=shown, context=context, kept=kept)

    async def _known(self, identities: Sequence[str]) -> Command | None:
        if self._stores.cache is None:
            return None
        try:
            known = await self._stores.cache.find(identities)
        except RedisUnavailableError as exc:
            _LOG.warning("cache not read", extra={"reason": exc.reason})
            return None
        result = "hit" if known is not None else "miss"
        self._meter.count("kova_ai_cache_requests_total", result=result)
        return known

    def _checked(self, said: ModelAnswer, ready: _Ready, *, review: bool) -> Answer:
        """Return the answer with those of its claims that hold, and made harmless."""

        def harmless(text: str) -> str:
            return safe(text, self._secrets)

        output = harmless(said.text)
        if review:
            reported = ready.context.reported
            findings, dropped = check_findings(said.claims, ready.shown, reported, harmless)
            return Answer(output=output, findings=findings, dropped=dropped)
        citations, dropped = check_citations(said.claims, ready.shown)
        return Answer(output=output, citations=citations, dropped=dropped)

    async def _remembered(self, command: Command, ready: _Ready, identity: str | None) -> Command:
        """Keep the answer for the next who asks, and the turn for the session."""
        assert command.answer is not None
        sessions, cache = self._stores.sessions, self._stores.cache
        turns = (
            Message(role="user", text=f"Question:\n{command.request.command}"),
            Message(role="assistant", text=command.answer.output),
        )
        try:
            if identity is not None and cache is not None:
                await cache.keep(f"{command.task}:{command.model}:{identity}", command)
            if sessions is None or not ready.kept or command.session_id is None:
                return replace(command, session_id=None)
            await sessions.append(command.session_id, command.api_key_id or "", turns)
        except RedisUnavailableError as exc:
            _LOG.warning("answer not kept", extra={"reason": exc.reason})
            return replace(command, session_id=None)
        return command


def _about(request: CommandRequest, tally: Tally) -> CommandRequest:
    """Return the request with the repository that an error turned out to be of."""
    return replace(request, repository=tally.repository or request.repository)


def _explained(exc: Exception, tally: Tally) -> tuple[Outcome, Exception]:
    """Return how a command ended that raised, and what its caller is told."""
    if isinstance(exc, exceptions.AiNotConfiguredError):
        return Outcome.NOT_CONFIGURED, exc
    if isinstance(exc, exceptions.BudgetExhaustedError):
        return Outcome.BUDGET_EXHAUSTED, exc
    if isinstance(exc, UnusableAnswerError):
        return exc.outcome, _ERRORS[exc.outcome]()
    if isinstance(exc, ModelError):
        outcome = _outcome_of(exc)
        if outcome is Outcome.CUT:
            return outcome, exceptions.AiCutError()
        wait = round(max(tally.retry_after or 0.0, _SHORTEST_RETRY))
        return outcome, _ERRORS[outcome](retry_after=wait)
    return (Outcome.NO_CONTEXT if isinstance(exc, KovaError) else Outcome.FAILED), exc


def _outcome_of(error: ModelError) -> Outcome:
    if isinstance(error, exceptions.ModelTimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, exceptions.ModelCutError):
        return Outcome.CUT
    if isinstance(error, exceptions.ModelMisconfiguredError):
        return Outcome.MISCONFIGURED
    return Outcome.UNAVAILABLE


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1_000)
