"""Handle one message of a queue and say what becomes of the message."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from kova.shared.exceptions import KovaError, MalformedMessageError
from kova.shared.meter import Meter
from kova.shared.retry import GiveUp, Retry, plan_retry

Job = TypeVar("Job")
_LOG = logging.getLogger("kova.worker")


class HandleJob(Generic[Job]):
    """Does the work of a message, and decides whether it is deleted, tried again or given up."""

    def __init__(
        self,
        *,
        queue: str,
        decode: Callable[[str], Job],
        work: Callable[[Job], Awaitable[None]],
        meter: Meter,
    ) -> None:
        """`decode` parses a message, `work` does it; `queue` is its name in logs and metrics."""
        self._queue = queue
        self._decode = decode
        self._work = work
        self._meter = meter

    async def handle(self, body: str, attempt: int) -> Retry | GiveUp | None:
        """Handle one message; None when it may be deleted. `attempt` counts receipts from 1."""
        try:
            await self._work(self._decode(body))
        except MalformedMessageError as exc:
            plan: Retry | GiveUp = GiveUp(reason=exc.reason)
            self._report(exc, attempt, plan)
            return plan
        except Exception as exc:  # noqa: BLE001 (the boundary: every failure becomes a decision)
            plan = plan_retry(exc, attempt)
            self._report(exc, attempt, plan)
            return plan
        return None

    def _report(self, exc: Exception, attempt: int, plan: Retry | GiveUp) -> None:
        outcome = "retried" if isinstance(plan, Retry) else "buried"
        self._meter.count(f"kova_messages_{outcome}_total", queue=self._queue)
        _LOG.warning(
            "job not done",
            exc_info=None if isinstance(exc, KovaError) else exc,
            extra={
                "queue": self._queue,
                "attempt": attempt,
                "error": str(exc)[:500],
                "plan": repr(plan),
            },
        )
