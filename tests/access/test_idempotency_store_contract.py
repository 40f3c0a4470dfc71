"""One suite for requests by Idempotency-Key in Postgres and their twin in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from kova.access.idempotency import IdempotentRequest, StoredAnswer, hash_request
from kova.access.ports import IdempotencyStore
from kova.shared.exceptions import IdempotencyError
from tests.support.stores import AllStores, new_key

LEASE = timedelta(hours=1)
OVER = timedelta(seconds=-1)
"""A lease that is over at once, as that of a request whose process died."""
ANSWER = StoredAnswer(status=201, headers={"location": "/x"}, body=b"\x00\xff")


@dataclass
class Requests:
    store: IdempotencyStore
    first: IdempotentRequest
    other_key: IdempotentRequest


@pytest.fixture
async def requests(stores: AllStores) -> Requests:
    ids = [(await new_key(stores, name)).id for name in ("first", "other")]
    first = IdempotentRequest(
        api_key_id=ids[0],
        operation="POST /api/scan",
        key="order-1",
        request_hash=hash_request(b"", b"{}"),
    )
    return Requests(
        store=stores.idempotency, first=first, other_key=replace(first, api_key_id=ids[1])
    )


async def test_the_first_request_owns_the_claim_and_the_second_sees_it(requests: Requests) -> None:
    first = await requests.store.claim(requests.first, LEASE)
    second = await requests.store.claim(requests.first, LEASE)
    assert (first.is_owner, first.answer) == (True, None)
    assert (second.id, second.is_owner, second.answer) == (first.id, False, None)


async def test_of_many_requests_at_once_one_is_the_owner(requests: Requests) -> None:
    claims = await asyncio.gather(*(requests.store.claim(requests.first, LEASE) for _ in range(20)))
    assert sum(claim.is_owner for claim in claims) == 1
    assert len({claim.id for claim in claims}) == 1


async def test_a_settled_request_has_its_answer_byte_for_byte(requests: Requests) -> None:
    claim = await requests.store.claim(requests.first, LEASE)
    await requests.store.settle(claim.id, ANSWER)
    again = await requests.store.claim(requests.first, LEASE)
    assert (again.id, again.is_owner, again.answer) == (claim.id, False, ANSWER)


async def test_a_settled_answer_outlives_the_lease(requests: Requests) -> None:
    claim = await requests.store.claim(requests.first, OVER)
    await requests.store.settle(claim.id, ANSWER)
    assert (await requests.store.claim(requests.first, LEASE)).answer == ANSWER


async def test_the_claim_of_a_dead_process_is_taken_over_once_under_the_same_id(
    requests: Requests,
) -> None:
    dead = await requests.store.claim(requests.first, OVER)
    heir = await requests.store.claim(requests.first, LEASE)
    late = await requests.store.claim(requests.first, LEASE)
    assert (heir.id, heir.is_owner) == (dead.id, True)
    assert not late.is_owner


async def test_a_released_claim_goes_to_the_next_request(requests: Requests) -> None:
    claim = await requests.store.claim(requests.first, LEASE)
    await requests.store.release(claim.id)
    assert (await requests.store.claim(requests.first, LEASE)).is_owner


async def test_releasing_a_settled_claim_keeps_the_answer(requests: Requests) -> None:
    claim = await requests.store.claim(requests.first, LEASE)
    await requests.store.settle(claim.id, ANSWER)
    await requests.store.release(claim.id)
    assert (await requests.store.claim(requests.first, LEASE)).answer == ANSWER


@pytest.mark.parametrize("settled", [False, True])
async def test_the_same_key_with_another_request_is_refused(
    requests: Requests, settled: bool
) -> None:
    claim = await requests.store.claim(requests.first, OVER)
    if settled:
        await requests.store.settle(claim.id, ANSWER)
    other = replace(requests.first, request_hash=hash_request(b"", b"{1}"))
    with pytest.raises(IdempotencyError):
        await requests.store.claim(other, LEASE)


async def test_operations_and_api_keys_do_not_share_a_key(requests: Requests) -> None:
    await requests.store.claim(requests.first, LEASE)
    elsewhere = replace(requests.first, operation="POST /ai/command")
    assert (await requests.store.claim(elsewhere, LEASE)).is_owner
    assert (await requests.store.claim(requests.other_key, LEASE)).is_owner


async def test_a_claim_that_does_not_exist_is_settled_and_released_in_vain(
    requests: Requests,
) -> None:
    await requests.store.settle("00000000-0000-0000-0000-000000000000", ANSWER)
    await requests.store.release("no id")
    assert (await requests.store.claim(requests.first, LEASE)).is_owner
