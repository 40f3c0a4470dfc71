"""EventBridge Scheduler: calls a function at its rate, the first time at once.

See https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html. A call that takes
longer than the rate is waited for here, where AWS would begin another one beside it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from kova_server.local_lambda.execution_environment import ACCOUNT
from kova_server.local_lambda.invoker import Invoker, TooManyInvocationsError
from kova_server.local_lambda.template import FunctionSchedule

_LOG = logging.getLogger("kova.lambda")


class ScheduleCaller:
    """Calls one function."""

    def __init__(self, schedule: FunctionSchedule, invoker: Invoker, *, region: str) -> None:
        self._schedule = schedule
        self._invoker = invoker
        self._region = region

    async def run(self, stop: asyncio.Event) -> None:
        """Call until `stop` is set; a call that fails is not repeated, as the template asks."""
        clock = asyncio.get_running_loop()
        due = clock.time()
        while not stop.is_set():
            with suppress(TooManyInvocationsError):  # Everything ends.
                answer = await self._invoker.invoke(
                    self._schedule.function, self._event(), waits=True
                )
                if answer.is_error:
                    _LOG.warning(
                        "a scheduled call failed", extra={"function": self._schedule.function}
                    )
            now = clock.time()
            while due <= now:
                due += self._schedule.seconds
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), due - now)

    def _event(self) -> bytes:
        name = f"{self._schedule.function}{self._schedule.name}"
        return json.dumps(
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": ACCOUNT,
                "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "region": self._region,
                "resources": [
                    f"arn:aws:scheduler:{self._region}:{ACCOUNT}:schedule/default/{name}"
                ],
                "detail": "{}",
            }
        ).encode()
