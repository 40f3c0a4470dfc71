"""One suite for the claims of chats in Postgres and their twin in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from kova.adapters.memory.chat_claims import MemoryChatClaims
from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.postgres.chat_claims import PostgresChatClaims
from kova.adapters.postgres.pool import Database
from kova.notifications.chat_claim import DoneClaim
from kova.notifications.ports import ChatClaims
from kova.shared.exceptions import BusyError

LEASE, OVER = timedelta(seconds=60), timedelta(microseconds=1)


@pytest.fixture
async def claims(store_url: str | None) -> AsyncIterator[ChatClaims]:
    if store_url is None:
        yield MemoryChatClaims(MemoryDatabase())
        return
    database = Database(store_url)
    yield PostgresChatClaims(database)
    await database.close()


async def claim(
    claims: ChatClaims, holder: str, *, lease: timedelta = LEASE, again: bool = False
) -> DoneClaim | None:
    return await claims.claim("k", holder=holder, name=holder.upper(), lease=lease, again=again)


async def test_who_comes_later_hears_who_did_it(claims: ChatClaims) -> None:
    assert await claim(claims, "a") is None
    await claims.finish("k", holder="a", outcome="published")
    done = DoneClaim(name="A", outcome="published")
    assert [await claim(claims, holder) for holder in ("b", "a")] == [done, done]


async def test_while_it_is_done_others_wait_and_its_holder_may_begin_again(
    claims: ChatClaims,
) -> None:
    assert await claim(claims, "a") is None
    with pytest.raises(BusyError):
        await claim(claims, "b")
    assert await claim(claims, "a") is None


async def test_after_its_lease_another_takes_it_over(claims: ChatClaims) -> None:
    await claim(claims, "a", lease=OVER)
    assert await claim(claims, "b") is None
    await claims.finish("k", holder="a", outcome="late")
    with pytest.raises(BusyError):
        await claim(claims, "c")


async def test_what_could_not_be_done_is_free(claims: ChatClaims) -> None:
    await claim(claims, "a")
    await claims.abandon("k", holder="b")
    with pytest.raises(BusyError):
        await claim(claims, "b")
    await claims.abandon("k", holder="a")
    assert await claim(claims, "b") is None


async def test_what_was_undone_since_may_be_done_again_by_another_job(claims: ChatClaims) -> None:
    await claim(claims, "a")
    await claims.finish("k", holder="a", outcome="ignored")
    assert await claim(claims, "a", again=True) is not None
    assert await claim(claims, "b", again=True) is None
    with pytest.raises(BusyError):
        await claim(claims, "c", again=True)


async def test_of_many_at_once_one_has_it(claims: ChatClaims) -> None:
    async def attempt(holder: str) -> bool:
        try:
            return await claim(claims, holder) is None
        except BusyError:
            return False

    results = await asyncio.gather(*(attempt(f"h{number}") for number in range(20)))
    assert sum(results) == 1
