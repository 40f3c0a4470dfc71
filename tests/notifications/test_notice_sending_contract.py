"""One suite for the sending of notices in Postgres and in its twin: once, in order, by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kova.notifications.notice import (
    ChannelClaim,
    MessageStatus,
)
from kova.shared.page import PageRequest
from tests.notifications.routing import LEASE, NO_PAUSE, SHA, begin, claim_channel, route
from tests.support.stores import (
    NAME,
    AllStores,
    apply_files,
    new_repository,
)


async def test_a_message_is_sent_once_and_the_next_of_its_thread_answers_it(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    for content in ("BAD(x)", "x", "BAD(x)"):
        await apply_files(stores, repository, SHA, {"a.py": content})
    assert await route(stores) == 2
    claim = await claim_channel(stores)
    assert claim.channel == "slack:C000000001"
    first = await begin(stores, claim)
    assert (first.attempt, first.begun_before, first.thread_reference) == (1, None, None)
    await stores.notices.record_sent(claim, first.id, "100.1", NO_PAUSE)
    second = await begin(stores, claim)
    assert (second.id != first.id, second.thread_reference) == (True, "100.1")
    await stores.notices.record_sent(claim, second.id, "100.2", NO_PAUSE)
    assert await stores.notices.begin(claim, LEASE) is None
    page = await stores.notices.page(PageRequest())
    assert {record.status for record in page.items} == {MessageStatus.SENT}
    assert page.items[0].repository == NAME


async def two_threads(stores: AllStores) -> ChannelClaim:
    """Three messages are due: two of one thread, and between them one of another."""
    repository = await new_repository(stores)
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)", "b.py": "x"})
    await apply_files(stores, repository, SHA, {"a.py": "x", "b.py": "BAD(y)"})
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)", "b.py": "BAD(y)"})
    await route(stores)
    return await claim_channel(stores)


async def test_a_message_waits_for_the_earlier_one_of_its_thread_and_for_no_other(
    stores: AllStores,
) -> None:
    claim = await two_threads(stores)
    first = await begin(stores, claim)
    await stores.notices.put_back(
        claim,
        first.id,
        reason="chat_unavailable",
        delay=timedelta(hours=1),
        certain=False,
        whole_channel=False,
    )
    other = await begin(stores, claim)
    assert other.thread_key != first.thread_key
    await stores.notices.record_sent(claim, other.id, "100.1", NO_PAUSE)
    assert await stores.notices.begin(claim, LEASE) is None


async def test_after_a_message_was_given_up_its_thread_goes_on(stores: AllStores) -> None:
    claim = await two_threads(stores)
    first = await begin(stores, claim)
    await stores.notices.end(claim, first.id, reason="is_archived", failed=True)
    seen = set()
    while (message := await stores.notices.begin(claim, LEASE)) is not None:
        seen.add(message.thread_key)
        await stores.notices.record_sent(claim, message.id, f"1.{len(seen)}", NO_PAUSE)
    assert first.thread_key in seen
    records = (await stores.notices.page(PageRequest())).items
    assert [record.reason for record in records if record.status is MessageStatus.FAILED] == [
        "is_archived"
    ]


async def test_an_attempt_whose_end_nobody_recorded_is_known_to_the_next(
    stores: AllStores,
) -> None:
    claim = await two_threads(stores)
    first = await begin(stores, claim)
    again = await begin(stores, claim)
    assert (again.id, again.attempt) == (first.id, 2)
    assert again.begun_before is not None


@pytest.mark.parametrize("certain", [True, False])
async def test_only_a_certain_refusal_needs_no_search(stores: AllStores, certain: bool) -> None:
    claim = await two_threads(stores)
    first = await begin(stores, claim)
    await stores.notices.put_back(
        claim, first.id, reason="r", delay=NO_PAUSE, certain=certain, whole_channel=False
    )
    again = await begin(stores, claim)
    assert (again.id, again.begun_before is None) == (first.id, certain)


async def test_a_channel_that_asks_to_wait_is_left_alone_and_no_attempt_is_counted(
    stores: AllStores,
) -> None:
    claim = await two_threads(stores)
    first = await begin(stores, claim)
    await stores.notices.put_back(
        claim,
        first.id,
        reason="chat_rate_limited",
        delay=timedelta(seconds=30),
        certain=True,
        whole_channel=True,
    )
    assert await stores.notices.begin(claim, LEASE) is None
    await stores.notices.release(claim)
    assert await stores.notices.claim(LEASE) is None
    records = (await stores.notices.page(PageRequest())).items
    assert {record.attempts for record in records} == {0}


async def test_a_channel_whose_next_message_waits_is_not_claimed(stores: AllStores) -> None:
    repository = await new_repository(stores)
    for content in ("BAD(x)", "x", "BAD(x)"):
        await apply_files(stores, repository, SHA, {"a.py": content})
    await route(stores)
    claim = await claim_channel(stores)
    first = await begin(stores, claim)
    await stores.notices.put_back(
        claim,
        first.id,
        reason="r",
        delay=timedelta(hours=1),
        certain=True,
        whole_channel=False,
    )
    await stores.notices.release(claim)
    assert await stores.notices.claim(LEASE) is None
    assert await stores.notices.seconds_until_free() is None


async def test_the_next_message_of_a_channel_waits_for_the_pause(stores: AllStores) -> None:
    claim = await two_threads(stores)
    first = await begin(stores, claim)
    await stores.notices.record_sent(claim, first.id, "100.1", timedelta(seconds=30))
    await stores.notices.release(claim)
    assert await stores.notices.claim(LEASE) is None
    seconds = await stores.notices.seconds_until_free()
    assert seconds is not None
    assert 20 < seconds <= 30


async def test_one_worker_sends_to_a_channel_and_another_one_after_its_lease(
    stores: AllStores,
) -> None:
    claim = await two_threads(stores)
    assert await stores.notices.claim(LEASE) is None
    await stores.notices.begin(claim, timedelta(microseconds=1))
    taken = await claim_channel(stores)
    assert await stores.notices.begin(claim, LEASE) is None
    assert await stores.notices.begin(taken, LEASE) is not None


async def test_what_a_slow_worker_sent_is_recorded_although_it_lost_the_channel(
    stores: AllStores,
) -> None:
    claim = await two_threads(stores)
    message = await begin(stores, claim)
    await stores.notices.begin(claim, timedelta(microseconds=1))
    taken = await claim_channel(stores)
    await stores.notices.record_sent(claim, message.id, "100.1", NO_PAUSE)
    following = await begin(stores, taken)
    assert following.id != message.id
