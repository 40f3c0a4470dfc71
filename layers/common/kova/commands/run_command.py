"""Run a command: context, prompt, cache, models, checks, ledger. However it ends, a row says so."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from kova.commands.assemble_prompt import assemble, is_pull_request_review
from kova.commands.citations import check_citations
from kova.commands.command import Answer, Command, CommandRequest
from kova.commands.ports import AnswerCache, CommandStore, SessionStore
from kova.commands.review import check_findings
from kova.commands.routing import providers_for, task_of
from kova.models.ask_models import AskModels, run_shielded
from kova.models.model_answer import ModelAnswer, UnusableAnswerError
from kova.models.model_call import Listener, ModelRequest, Tally
from kova.models.outcome import Outcome
from kova.models.ports import BudgetScope
from kova.models.prompt import Material, Message, Prompt
from kova.models.redaction import redact
from kova.models.safe_stream import SafeStream, make_safe
from kova.shared import exceptions
from kova.shared.exceptions import KovaError, ModelError, RedisUnavailableError
from kova.shared.meter import Meter

if TYPE_CHECKING:
    from kova.access.subject import Subject
    from kova.commands.gather_context import Context, GatherContext

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
    """The stores of commands; cache and sessions are None without Redis."""

    commands: CommandStore
    cache: AnswerCache | None
    sessions: SessionStore | None


@dataclass(frozen=True, kw_only=True)
class _Preparation:
    """Everything that is prepared before a model is asked."""

    prompt: Prompt
    shown: tuple[Material, ...]
    context: Context
    session_stored: bool
    """Whether Redis can hold the session."""


class RunCommand:
    """Answers one command from the cache or a model, and records how it ended."""

    def __init__(
        self,
        *,
        stores: CommandStores,
        gather: Callable[[], GatherContext],
        ask: AskModels,
        meter: Meter,
        now: Callable[[], datetime],
        cap: Decimal | None,
        secrets: Sequence[str],
    ) -> None:
        """Assemble the use case.

        Args:
            stores: the ledger, the answer cache and the sessions.
            gather: returns what gathers the material, when a first prompt is made.
            ask: asks the models.
            meter: counts commands, refusals and cache requests.
            now: returns the time, with its zone.
            cap: US dollars a month for all commands together; None for no cap.
            secrets: values that are redacted wherever they stand.
        """
        self._stores = stores
        self._gather = gather
        self._ask = ask
        self._meter = meter
        self._now = now
        self._cap = cap
        self._secrets = secrets

    @property
    def lease(self) -> timedelta:
        """How long a worker owns a command; after that its worker counts as dead."""
        return self._ask.timeouts.lease

    def begin(self, request: CommandRequest, subject: Subject) -> Command:
        """Return a new command, queued and not yet saved, with secrets redacted for the ledger.

        Raises:
            RepositoryNotFoundError: the repository is outside of the subject's reach.
        """
        if request.repository is not None and not subject.reach.covers(request.repository):
            raise exceptions.RepositoryNotFoundError
        redacted = replace(
            request,
            command=redact(request.command, self._secrets),
            code=redact(request.code, self._secrets) if request.code is not None else None,
        )
        return Command(
            id=str(uuid.uuid4()),
            api_key_id=subject.key_id,
            actor=subject.actor,
            reach=subject.reach,
            request=redacted,
            task=task_of(request),
            outcome=Outcome.QUEUED,
            created_at=self._now(),
            session_id=request.session_id,
        )

    def safe_stream(self) -> SafeStream:
        """Return a stream that makes pieces of an answer safe to show."""
        return SafeStream(self._secrets)

    async def run_command(self, command: Command, listen: Listener | None = None) -> Command:
        """Run a command to its end, record the end, and return the answered command.

        Raises:
            KovaError: there is no answer; the outcome of the recorded row says why.
        """
        started = time.perf_counter()
        tally = Tally()
        try:
            answered = await self._execute(command, tally, listen)
        except asyncio.CancelledError:
            record = self._failure_record(command, tally, started, Outcome.CANCELLED, None)
            await run_shielded(self._record(record, tally))
            raise
        except Exception as exc:
            outcome, error = _classify_failure(exc, tally)
            detail = error.message if isinstance(error, KovaError) else type(error).__name__
            record = self._failure_record(command, tally, started, outcome, detail)
            await self._record(record, tally)
            if error is exc:
                raise
            raise error from exc
        answered = replace(answered, duration_ms=_milliseconds_since(started))
        await self._record(answered, tally)
        return answered

    def _failure_record(
        self, command: Command, tally: Tally, started: float, outcome: Outcome, detail: str | None
    ) -> Command:
        return replace(
            command,
            request=_with_repository(command.request, tally),
            outcome=outcome,
            provider=tally.provider,
            model=tally.model,
            usage=tally.usage,
            cost_usd=tally.cost,
            fallback=tally.fallback,
            duration_ms=_milliseconds_since(started),
            detail=detail[:_DETAIL_LIMIT] if detail else None,
        )

    async def _record(self, command: Command, tally: Tally) -> None:
        provider = command.provider.value if command.provider else "none"
        labels = {"task": command.task.value, "provider": provider}
        self._meter.count("kova_ai_commands_total", **labels, outcome=command.outcome.value)
        if command.outcome is Outcome.REFUSAL:
            self._meter.count("kova_ai_refusals_total", **labels)
        if command.duration_ms is not None:
            seconds = command.duration_ms / 1_000
            self._meter.observe("kova_ai_command_duration_seconds", seconds, **labels)
            own = max(0.0, seconds - tally.waited_seconds)
            self._meter.observe("kova_ai_command_own_seconds", own, task=command.task.value)
        await self._stores.commands.save(command)

    async def _execute(self, command: Command, tally: Tally, listen: Listener | None) -> Command:
        request, task = command.request, command.task
        order = providers_for(task, request.provider)
        configured = [self._ask.providers[name] for name in order if name in self._ask.providers]
        if not configured:
            raise exceptions.AiNotConfiguredError
        preparation = await self._prepare(command)
        prompt = preparation.prompt
        tally.repository = preparation.context.repository
        command = replace(
            command,
            request=_with_repository(request, tally),
            session_id=command.session_id or str(uuid.uuid4()),
        )
        # Of one repository: what is known of another one is no answer here, whatever was shown.
        place = f"{(tally.repository or '').lower()}:{prompt.identity}"
        identities = [f"{task}:{provider.model_id}:{place}" for provider in configured]
        cached = await self._find_cached(identities)
        if cached is not None:
            answered = replace(
                command,
                outcome=Outcome.OK,
                provider=cached.provider,
                model=cached.model,
                answer=cached.answer,
                cached=True,
            )
            return await self._cache_and_append_session(answered, preparation, None)
        review = is_pull_request_review(request, task)
        model_request = ModelRequest(
            prompt=prompt,
            order=order,
            task=task,
            scope=BudgetScope(
                api_key_id=command.api_key_id, repository=tally.repository, cap=self._cap
            ),
            review=review,
        )
        model_answer = await self._ask.ask(model_request, tally, listen)
        answered = replace(
            command,
            outcome=Outcome.OK,
            provider=tally.provider,
            model=tally.model,
            answer=self._validate(model_answer, preparation, review=review),
            usage=tally.usage,
            cost_usd=tally.cost,
            fallback=tally.fallback,
        )
        return await self._cache_and_append_session(answered, preparation, place)

    async def _prepare(self, command: Command) -> _Preparation:
        history: tuple[Message, ...] = ()
        session_stored = self._stores.sessions is not None
        if command.session_id is not None and self._stores.sessions is not None:
            try:
                history = await self._stores.sessions.open(command.session_id, command.owner)
            except RedisUnavailableError as exc:
                session_stored = False
                _LOG.warning("session not read", extra={"reason": exc.reason})
        context = await self._gather().gather(command.request, command.reach)
        prompt, shown = assemble(command.request, command.task, context.materials, history)
        return _Preparation(
            prompt=prompt, shown=shown, context=context, session_stored=session_stored
        )

    async def _find_cached(self, identities: Sequence[str]) -> Command | None:
        if self._stores.cache is None:
            return None
        try:
            cached = await self._stores.cache.find(identities)
        except RedisUnavailableError as exc:
            _LOG.warning("cache not read", extra={"reason": exc.reason})
            return None
        result = "hit" if cached is not None else "miss"
        self._meter.count("kova_ai_cache_requests_total", result=result)
        return cached

    def _validate(
        self, model_answer: ModelAnswer, preparation: _Preparation, *, review: bool
    ) -> Answer:
        """Return the answer, safe to show, with those of its claims that hold."""

        def sanitize(text: str) -> str:
            return make_safe(text, self._secrets)

        output, claims = sanitize(model_answer.text), model_answer.claims
        if review:
            reported = preparation.context.reported
            findings, dropped = check_findings(claims, preparation.shown, reported, sanitize)
            return Answer(output=output, findings=findings, dropped=dropped)
        citations, dropped = check_citations(claims, preparation.shown)
        return Answer(output=output, citations=citations, dropped=dropped)

    async def _cache_and_append_session(
        self, command: Command, preparation: _Preparation, identity: str | None
    ) -> Command:
        """Store the answer in the cache, unless `identity` is None, and the turn in the session.

        Returns:
            The command, without its session_id where the session is not stored.
        """
        assert command.answer is not None
        sessions, cache = self._stores.sessions, self._stores.cache
        turns = (
            Message(role="user", text=f"Question:\n{command.request.command}"),
            Message(role="assistant", text=command.answer.output),
        )
        try:
            if identity is not None and cache is not None:
                await cache.keep(f"{command.task}:{command.model}:{identity}", command)
            if sessions is None or not preparation.session_stored or command.session_id is None:
                return replace(command, session_id=None)
            await sessions.append(command.session_id, command.owner, turns)
        except RedisUnavailableError as exc:
            _LOG.warning("answer not kept", extra={"reason": exc.reason})
            return replace(command, session_id=None)
        return command


def _with_repository(request: CommandRequest, tally: Tally) -> CommandRequest:
    """Return the request with its repository, which may follow from the error that it names."""
    return replace(request, repository=tally.repository or request.repository)


def _classify_failure(exc: Exception, tally: Tally) -> tuple[Outcome, Exception]:
    """Return the outcome of a command that raised, and the error for its caller."""
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
        seconds = round(max(tally.retry_after or 0.0, _SHORTEST_RETRY))
        return outcome, _ERRORS[outcome](retry_after=seconds)
    return (Outcome.NO_CONTEXT if isinstance(exc, KovaError) else Outcome.FAILED), exc


def _outcome_of(error: ModelError) -> Outcome:
    if isinstance(error, exceptions.ModelTimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, exceptions.ModelCutError):
        return Outcome.CUT
    if isinstance(error, exceptions.ModelMisconfiguredError):
        return Outcome.MISCONFIGURED
    return Outcome.UNAVAILABLE


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1_000)
