"""One suite for handled deliveries in Postgres and their twin in memory."""

from __future__ import annotations

from tests.support.stores import AllStores, new_repository, scan_target


async def test_a_delivery_leads_to_the_scan_that_it_began_first(stores: AllStores) -> None:
    repository = await new_repository(stores)
    first, second = [await stores.scans.create(scan_target(), repository.id) for _ in range(2)]
    await stores.deliveries.remember("guid", "push", first.id)
    await stores.deliveries.remember("guid", "push", second.id)
    assert await stores.deliveries.scan_of("guid") == first.id


async def test_a_delivery_without_a_scan_and_an_unknown_one_lead_to_none(stores: AllStores) -> None:
    await stores.deliveries.remember("guid", "installation", None)
    assert await stores.deliveries.scan_of("guid") is None
    assert await stores.deliveries.scan_of("unknown") is None
