"""Handle one message of a queue and decide what becomes of the message."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from kova.shared.exceptions import KovaError, MalformedMessageError
from kova.shared.meter import Meter
from kova.shared.retry import GiveUp, Retry, plan_retry

Job = TypeVar("Job")
LogContext: TypeAlias = Mapping[str, object]
_ERROR_LIMIT: Final = 500  # Characters of an error in a log line.
_LOG = logging.getLogger("kova.worker")


@dataclass(frozen=True, kw_only=True)
class Done:
    """The message may be deleted. `result` is the id that the work returned, if any."""

    result: str | None = None


def _no_context(_job: object) -> LogContext:
    return {}


class JobRunner(Generic[Job]):
    """Runs the jobs of one queue: done, again later, or never again."""

    def __init__(
        self,
        *,
        queue: str,
        decode: Callable[[str], Job],
        work: Callable[[Job], Awaitable[str | None]],
        meter: Meter,
        log_context: Callable[[Job], LogContext] = _no_context,
        on_give_up: Callable[[Job, GiveUp], Awaitable[Retry | GiveUp]] | None = None,
    ) -> None:
        """Assemble the runner of one queue.

        Args:
            queue: labels the metrics and log lines; the log field of the work's result has this
                name too.
            decode: reads a message; raises MalformedMessageError.
            work: does the job and returns the id of what it made, or None.
            meter: counts the messages that are not done.
            log_context: the ids by which log lines about a job can be found.
            on_give_up: called once before a decoded job is given up, to record the failure where
                people look; it may return a Retry instead.
        """
        self._queue = queue
        self._decode = decode
        self._work = work
        self._meter = meter
        self._log_context = log_context
        self._on_give_up = on_give_up

    async def handle(
        self, body: str, attempt: int, *, waited: float | None = None
    ) -> Done | Retry | GiveUp:
        """Handle one message. No failure is raised.

        Args:
            body: the message.
            attempt: counts its receipts from 1.
            waited: seconds since it was sent, where the queue says so.
        """
        if attempt == 1 and waited is not None:
            self._meter.observe("kova_message_wait_seconds", waited, queue=self._queue)
        outcome = await self._attempt(body, attempt)
        if isinstance(outcome, Retry):
            self._meter.count("kova_messages_retried_total", queue=self._queue)
        elif isinstance(outcome, GiveUp):
            self._meter.count("kova_messages_buried_total", queue=self._queue)
        else:
            self._meter.count("kova_messages_done_total", queue=self._queue)
        return outcome

    async def _attempt(self, body: str, attempt: int) -> Done | Retry | GiveUp:
        log_context: LogContext = {"queue": self._queue, "attempt": attempt}
        try:
            job = self._decode(body)
        except Exception as exc:  # noqa: BLE001 (the boundary: every failure becomes a decision)
            plan = plan_retry(exc, attempt)
            _log_failure("message refused", exc, plan, log_context)
            return plan
        log_context = {**log_context, **self._log_context(job)}
        try:
            result = await self._work(job)
        except Exception as exc:  # noqa: BLE001 (the boundary, as above)
            plan = plan_retry(exc, attempt)
            _log_failure("job not done", exc, plan, log_context)
            return plan if isinstance(plan, Retry) else await self._give_up(job, plan, log_context)
        result_field = {} if result is None else {self._queue: result}
        _LOG.info("job done", extra={**log_context, **result_field})
        return Done(result=result)

    async def _give_up(self, job: Job, plan: GiveUp, log_context: LogContext) -> Retry | GiveUp:
        if self._on_give_up is None:
            return plan
        try:
            return await self._on_give_up(job, plan)
        except Exception:  # noqa: BLE001 (the message is buried with its reason: nothing is lost)
            _LOG.exception("failure not recorded", extra={**log_context, "plan": repr(plan)})
            return plan


def _log_failure(
    message: str, error: Exception, plan: Retry | GiveUp, log_context: LogContext
) -> None:
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
