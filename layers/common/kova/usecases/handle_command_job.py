"""Handle one message of the command queue and say what becomes of the message."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from kova.domain.errors import KovaError, MalformedMessageError
from kova.domain.job import decode_command_job
from kova.domain.retry import GiveUp, Retry, plan_retry
from kova.usecases.request_command import FinishCommand

_LOG = logging.getLogger("kova.ai")


@dataclass(frozen=True, kw_only=True)
class CommandDone:
    """The message may be deleted."""

    command_id: str


class HandleCommandJob:
    """Decides between done, again later, and never again."""

    def __init__(self, finish: FinishCommand) -> None:
        """Take the job."""
        self._finish = finish

    async def run(self, body: str, attempt: int) -> CommandDone | Retry | GiveUp:
        """Handle one message. `attempt` counts its receipts from 1."""
        try:
            command_id = decode_command_job(body)
        except MalformedMessageError as exc:
            _LOG.error("message refused", extra={"reason": exc.reason})
            return GiveUp(reason=exc.reason)
        try:
            await self._finish.run(command_id)
        except Exception as exc:  # noqa: BLE001 (the boundary: every failure becomes a decision)
            plan = plan_retry(exc, attempt)
            _LOG.warning(
                "command not done",
                exc_info=None if isinstance(exc, KovaError) else exc,
                extra={"command": command_id, "attempt": attempt, "plan": repr(plan)},
            )
            return plan
        return CommandDone(command_id=command_id)
