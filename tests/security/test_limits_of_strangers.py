"""Limits that go by address hold for whoever has many, and for all that is remembered of them."""

from __future__ import annotations

import uuid

import httpx
import pytest
import redis

from kova.bootstrap.settings import load_settings
from kova_server.application import application
from tests.server.test_origin import OLD, SETTINGS, client_of, statuses

ONE_CALLER: dict[str, list[str]] = {
    # Whoever has one address of IPv6 has 2^64 of them.
    "addresses of one network": ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::9"],
    "the same address as one of IPv6": ["198.51.100.7", "::ffff:198.51.100.7", "::ffff:c633:6407"],
    "the same address on several links": ["fe80::1%a", "fe80::1%b", "fe80::2"],
}


@pytest.mark.parametrize("name", ONE_CALLER)
async def test_whoever_has_many_addresses_is_one_caller_to_the_limits(name: str) -> None:
    async with client_of(SETTINGS) as client:
        for address, status in zip(ONE_CALLER[name], (401, 401, 429), strict=True):
            sent = {"x_origin_verify": OLD, "true_client_ip": address}
            assert await statuses(client, 1, **sent) == [status]
        for neighbour in ("2001:db8:0:1::1", "198.51.100.8", "::ffff:198.51.100.9", "fe81::1"):
            sent = {"x_origin_verify": OLD, "true_client_ip": neighbour}
            assert await statuses(client, 1, **sent) == [401]


async def test_a_stranger_does_not_fill_redis_with_sign_ins_that_are_begun(redis_url: str) -> None:
    """Each is remembered for minutes, with a path of up to 2,000 characters."""
    variables = SETTINGS | {
        "KOVA_REDIS_URL": redis_url,
        "KOVA_GITHUB_CLIENT_ID": "id",
        "KOVA_GITHUB_CLIENT_SECRET": "secret",
        "KOVA_PUBLIC_URL": "https://kova.example",
    }
    headers = {"x-origin-verify": OLD, "true-client-ip": f"2001:db8:{uuid.uuid4().hex[:4]}::1"}
    path = f"/auth/github/login?next=/{'a' * 1_900}"
    with redis.Redis.from_url(redis_url) as store:
        before = store.dbsize()
        app = application(load_settings(variables))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://kova") as client:
            codes = [(await client.get(path, headers=headers)).status_code for _ in range(32)]
        await app.state.process.close()
        assert codes == [303] * 30 + [429] * 2
        assert store.dbsize() <= before + 31
