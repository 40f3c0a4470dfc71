"""A request with an Idempotency-Key is done once, and its repetitions get its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kova.access.answer_once import LEASE, AnswerOnce
from kova.access.idempotency import IdempotentRequest, StoredAnswer, hash_request
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.idempotency import MemoryIdempotencyStore
from kova.shared.exceptions import (
    DatabaseUnavailableError,
    IdempotencyError,
    IdempotencyInProgressError,
)

REQUEST = IdempotentRequest(
    api_key_id="k", operation="POST /api/scan", key="1", request_hash=hash_request(b"", b"{}")
)
ANSWER = StoredAnswer(status=202, headers={}, body=b"{}")


class Waiting:
    """A sleep that lets a clock pass, and does something at the n-th pause."""

    def __init__(self, clock: Clock) -> None:
        self.pauses: list[float] = []
        self.actions: dict[int, Callable[[], Awaitable[None]]] = {}
        self._clock = clock

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._clock.advance(timedelta(seconds=seconds))
        action = self.actions.get(len(self.pauses))
        if action is not None:
            await action()


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 28, tzinfo=UTC))


@pytest.fixture
def store(clock: Clock) -> MemoryIdempotencyStore:
    return MemoryIdempotencyStore(clock)


@pytest.fixture
def waiting(clock: Clock) -> Waiting:
    return Waiting(clock)


@pytest.fixture
def answer_once(store: MemoryIdempotencyStore, waiting: Waiting) -> AnswerOnce:
    return AnswerOnce(store, sleep=waiting)


async def test_a_repetition_after_the_answer_gets_it_without_waiting(
    answer_once: AnswerOnce, waiting: Waiting
) -> None:
    claim = await answer_once.begin(REQUEST)
    assert claim.is_owner
    await answer_once.end(claim, ANSWER)
    again = await answer_once.begin(REQUEST)
    assert (again.is_owner, again.answer, again.id) == (False, ANSWER, claim.id)
    assert waiting.pauses == []


async def test_a_repetition_waits_for_the_first_request(
    answer_once: AnswerOnce, waiting: Waiting
) -> None:
    claim = await answer_once.begin(REQUEST)
    waiting.actions[3] = lambda: answer_once.end(claim, ANSWER)
    assert (await answer_once.begin(REQUEST)).answer == ANSWER
    assert len(waiting.pauses) == 3


async def test_a_repetition_does_the_work_where_the_first_request_gave_it_up(
    answer_once: AnswerOnce, waiting: Waiting
) -> None:
    claim = await answer_once.begin(REQUEST)
    waiting.actions[2] = lambda: answer_once.end(claim, None)
    heir = await answer_once.begin(REQUEST)
    assert (heir.is_owner, heir.id) == (True, claim.id)


async def test_a_repetition_gives_up_after_twenty_seconds(
    answer_once: AnswerOnce, waiting: Waiting
) -> None:
    await answer_once.begin(REQUEST)
    with pytest.raises(IdempotencyInProgressError) as failure:
        await answer_once.begin(REQUEST)
    assert failure.value.data == {"retry_after": 1}
    assert 20 <= sum(waiting.pauses) <= 20.5
    assert max(waiting.pauses) == 0.5
    assert waiting.pauses == sorted(waiting.pauses)


async def test_a_request_whose_process_died_is_done_by_a_repetition_after_the_lease(
    answer_once: AnswerOnce, clock: Clock
) -> None:
    dead = await answer_once.begin(REQUEST)
    clock.advance(LEASE)
    heir = await answer_once.begin(REQUEST)
    assert (heir.is_owner, heir.id) == (True, dead.id)


async def test_the_same_key_with_another_body_is_refused(answer_once: AnswerOnce) -> None:
    await answer_once.begin(REQUEST)
    with pytest.raises(IdempotencyError):
        await answer_once.begin(replace(REQUEST, request_hash=hash_request(b"", b"{1}")))


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_an_answer_that_may_pass_is_not_kept(answer_once: AnswerOnce, status: int) -> None:
    claim = await answer_once.begin(REQUEST)
    await answer_once.end(claim, replace(ANSWER, status=status))
    assert (await answer_once.begin(REQUEST)).is_owner


@pytest.mark.parametrize("status", [200, 202, 404, 409, 422])
async def test_a_final_answer_is_kept_also_where_it_is_a_refusal(
    answer_once: AnswerOnce, status: int
) -> None:
    claim = await answer_once.begin(REQUEST)
    await answer_once.end(claim, replace(ANSWER, status=status))
    again = await answer_once.begin(REQUEST)
    assert again.answer is not None
    assert again.answer.status == status


async def test_without_the_database_nothing_is_claimed(
    answer_once: AnswerOnce, store: MemoryIdempotencyStore
) -> None:
    store.available = False
    with pytest.raises(DatabaseUnavailableError):
        await answer_once.begin(REQUEST)
