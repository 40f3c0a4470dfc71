"""Do a request with an Idempotency-Key once, and give its repetitions the same answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from kova.access.idempotency import IdempotencyClaim, IdempotentRequest, StoredAnswer, is_final
from kova.access.ports import IdempotencyStore
from kova.shared.exceptions import IdempotencyInProgressError

# Longer than any answer may take: API Gateway gives up after 30 seconds.
LEASE: Final = timedelta(seconds=40)
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.5


class AnswerOnce:
    """Claims requests and stores their answers."""

    def __init__(
        self,
        store: IdempotencyStore,
        *,
        sleep: Callable[[float], Awaitable[None]],
        max_wait: float = 20.0,
    ) -> None:
        """Assemble the use case; a repetition waits `max_wait` seconds for the first request.

        It holds no connection while it waits: fifty repetitions at once would otherwise take all
        connections, and the first request needs one to finish.
        """
        self._store = store
        self._sleep = sleep
        self._max_wait = max_wait

    async def begin(self, request: IdempotentRequest) -> IdempotencyClaim:
        """Return a claim that this request owns, or one with the first answer.

        Raises:
            IdempotencyError: the key stands for another request.
            IdempotencyInProgressError: the first request is still not answered.
        """
        waited_seconds, pause = 0.0, _FIRST_PAUSE
        while True:
            claim = await self._store.claim(request, LEASE)
            if claim.is_owner or claim.answer is not None:
                return claim
            if waited_seconds >= self._max_wait:
                raise IdempotencyInProgressError(retry_after=1)
            await self._sleep(pause)
            waited_seconds += pause
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def end(self, claim: IdempotencyClaim, answer: StoredAnswer | None) -> None:
        """Store a final answer; otherwise release the claim: the request can be repeated."""
        if answer is not None and is_final(answer.status):
            await self._store.settle(claim.id, answer)
        else:
            await self._store.release(claim.id)
