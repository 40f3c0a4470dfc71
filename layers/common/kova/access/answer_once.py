"""Answer a request with an Idempotency-Key once, and its repetitions with the same answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from kova.access.idempotency import Claim, IdempotentRequest, StoredAnswer, is_final
from kova.access.ports import IdempotencyStore
from kova.shared.exceptions import IdempotencyInProgressError

# Longer than any answer may take: API Gateway gives up after 30 seconds.
LEASE: Final = timedelta(seconds=40)
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.5


class AnswerOnce:
    """Claims requests and keeps their answers."""

    def __init__(
        self,
        store: IdempotencyStore,
        *,
        sleep: Callable[[float], Awaitable[None]],
        patience: float = 20.0,
    ) -> None:
        """Take the store, how to wait, and for how many seconds a repetition waits for the first.

        A repetition waits without holding a connection: fifty at once would otherwise take every
        one of them from the first, which needs one to finish.
        """
        self._store = store
        self._sleep = sleep
        self._patience = patience

    async def begin(self, request: IdempotentRequest) -> Claim:
        """Return a claim that is this request's own, or one with the first answer.

        Raises:
            IdempotencyError: the key stands for another request.
            IdempotencyInProgressError: the first one is still not answered.
        """
        waited, pause = 0.0, _FIRST_PAUSE
        while True:
            claim = await self._store.claim(request, LEASE)
            if claim.mine or claim.answer is not None:
                return claim
            if waited >= self._patience:
                raise IdempotencyInProgressError(retry_after=1)
            await self._sleep(pause)
            waited += pause
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def end(self, claim: Claim, answer: StoredAnswer | None) -> None:
        """Keep the answer, or let the request be done again: None, or one that is not final."""
        if answer is not None and is_final(answer.status):
            await self._store.settle(claim.id, answer)
        else:
            await self._store.release(claim.id)
