"""Handle one message of a queue and decide what becomes of the message."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeAlias, TypeVar

from kova.shared.exceptions import (
    DatabaseUnavailableError,
    KovaError,
    MalformedMessageError,
)
from kova.shared.meter import Meter
from kova.shared.retry import GiveUp, Retry, plan_by_receipts

Job = TypeVar("Job")
LogContext: TypeAlias = Mapping[str, object]
_DATABASE_SECONDS: Final = 60
_ERROR_LIMIT: Final = 500  # Characters of an error in a log line.
_LOG = logging.getLogger("kova.worker")


@dataclass(frozen=True, kw_only=True)
class Done:
    """The message may be deleted. `result` is the id that the work returned, if any."""

    result: str | None = None


@dataclass(frozen=True, kw_only=True)
class Later:
    """A new message takes this one's place after so many seconds; `reason` names the failure."""

    delay: int
    body: str = field(repr=False)
    reason: str


@dataclass(frozen=True, kw_only=True)
class JobEnded:
    """The job failed for good, and that is recorded: the message may be deleted."""

    reason: str


Plan: TypeAlias = Retry | Later | GiveUp | JobEnded
Outcome: TypeAlias = Done | Plan


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """One receipt of a message: its number from 1, and the message's age in seconds if known."""

    number: int = 1
    age: float | None = None


class SettledError(Exception):
    """A job is not done, and has settled itself what becomes of its message."""

    def __init__(self, plan: Plan) -> None:
        """The exception that ended the job is this one's cause."""
        super().__init__(repr(plan))
        self.plan = plan


def _no_context(_job: object) -> LogContext:
    return {}


class JobRunner(Generic[Job]):
    """Runs the jobs of one queue: done, again later, or never again."""

    def __init__(
        self,
        *,
        queue: str,
        decode: Callable[[str], Job],
        work: Callable[[Job, Receipt], Awaitable[str | None]],
        meter: Meter,
        log_context: Callable[[Job], LogContext] = _no_context,
    ) -> None:
        """Assemble the runner of one queue.

        Args:
            queue: labels the metrics and log lines; the log field of the work's result has this
                name too.
            decode: reads a message; raises MalformedMessageError.
            work: does the job and returns the id of what it made, or None. A SettledError says
                what becomes of the message; after other exceptions its receipts decide.
            meter: counts the messages that are not done.
            log_context: the ids by which log lines about a job can be found.
        """
        self._queue = queue
        self._decode = decode
        self._work = work
        self._meter = meter
        self._log_context = log_context

    async def handle(self, body: str, attempt: int, *, waited: float | None = None) -> Outcome:
        """Handle one message. No failure is raised.

        Args:
            body: the message.
            attempt: counts its receipts from 1.
            waited: seconds since it was sent, where the queue says so.
        """
        if attempt == 1 and waited is not None:
            self._meter.observe("kova_message_wait_seconds", waited, queue=self._queue)
        outcome = await self._attempt(body, Receipt(number=attempt, age=waited))
        if isinstance(outcome, Retry | Later):
            self._meter.count("kova_messages_retried_total", queue=self._queue)
        elif isinstance(outcome, GiveUp):
            self._meter.count("kova_messages_buried_total", queue=self._queue)
        else:
            self._meter.count("kova_messages_done_total", queue=self._queue)
        return outcome

    async def _attempt(self, body: str, receipt: Receipt) -> Outcome:
        log_context: LogContext = {"queue": self._queue, "attempt": receipt.number}
        try:
            job = self._decode(body)
        except Exception as exc:  # noqa: BLE001 (the boundary: every failure becomes a decision)
            plan = plan_by_receipts(exc, receipt.number)
            _log_failure("message refused", exc, plan, log_context)
            return plan
        log_context = {**log_context, **self._log_context(job)}
        try:
            result = await self._work(job, receipt)
        except SettledError as exc:
            _log_failure("job not done", exc.__cause__ or exc, exc.plan, log_context)
            return exc.plan
        except DatabaseUnavailableError as exc:
            # It may last for hours, and each receipt would count.
            later = Later(delay=_DATABASE_SECONDS, body=body, reason=exc.reason)
            _log_failure("job not done", exc, later, log_context)
            return later
        except Exception as exc:  # noqa: BLE001 (the boundary, as above)
            plan = plan_by_receipts(exc, receipt.number)
            _log_failure("job not done", exc, plan, log_context)
            return plan
        result_field = {} if result is None else {self._queue: result}
        _LOG.info("job done", extra={**log_context, **result_field})
        return Done(result=result)


def _log_failure(message: str, error: BaseException, plan: Plan, log_context: LogContext) -> None:
    """Log a failure; only one that Kova does not know is logged with its traceback."""
    reason = {"reason": error.reason} if isinstance(error, KovaError) else {}
    _LOG.log(
        logging.ERROR if isinstance(error, MalformedMessageError) else logging.WARNING,
        message,
        exc_info=None if isinstance(error, KovaError) else error,
        extra={
            **log_context,
            **reason,
            "error": str(error)[:_ERROR_LIMIT],
            "plan": repr(plan),
        },
    )
