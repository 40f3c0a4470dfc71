"""One suite for saved views in Postgres and their twin in memory."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from kova.errors.saved_view import MOST_VIEWS, TooManyViewsError
from tests.support.stores import AllStores

ANN, BOB = "google:ann@example.com", "github:bob"
HIGH = {"status": "open", "severity": "high"}


async def test_a_person_finds_their_own_views_by_name(stores: AllStores) -> None:
    views = stores.saved_views
    second = await views.save(ANN, "b <script>", {"path": "a'\"é\n"})
    first = await views.save(ANN, "Z first", HIGH)
    await views.save(BOB, "Z first", {})
    assert await views.list(ANN) == [first, second]
    assert second.filters == {"path": "a'\"é\n"}


async def test_the_same_name_replaces_its_filters(stores: AllStores) -> None:
    before = await stores.saved_views.save(ANN, "mine", HIGH)
    after = await stores.saved_views.save(ANN, "mine", {"rule": "F632"})
    assert after.id == before.id
    assert await stores.saved_views.list(ANN) == [after]


async def test_only_its_person_deletes_a_view(stores: AllStores) -> None:
    view = await stores.saved_views.save(ANN, "mine", HIGH)
    assert not await stores.saved_views.delete(BOB, view.id)
    assert not await stores.saved_views.delete(ANN, str(uuid.uuid4()))
    assert await stores.saved_views.delete(ANN, view.id)
    assert not await stores.saved_views.delete(ANN, view.id)
    assert await stores.saved_views.list(ANN) == []


async def test_there_is_an_end_to_how_many_also_at_once(stores: AllStores) -> None:
    for number in range(MOST_VIEWS - 1):
        await stores.saved_views.save(ANN, f"{number}", HIGH)
    results = await asyncio.gather(
        *(stores.saved_views.save(ANN, f"last {number}", HIGH) for number in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, TooManyViewsError) for result in results) == 4
    assert len(await stores.saved_views.list(ANN)) == MOST_VIEWS
    assert (await stores.saved_views.save(ANN, "0", {})).filters == {}
    with pytest.raises(TooManyViewsError):
        await stores.saved_views.save(ANN, "one more", HIGH)
    await stores.saved_views.save(BOB, "one more", HIGH)
