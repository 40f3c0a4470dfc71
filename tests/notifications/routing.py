"""What the suites of notices do again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kova.notifications.notice import ChannelClaim, DueMessage, Notice, PlannedMessage
from kova.notifications.route_notices import NoticeRules, RouteNotices
from kova.scans.scan import ScanStats
from tests.support.stores import AllStores

SHA, NEXT_SHA = "a" * 40, "b" * 40
LEASE, NO_PAUSE = timedelta(seconds=60), timedelta(0)
RULES = NoticeRules(slack=True, slack_channel="C000000001")
STATS = ScanStats()


async def take_notices(stores: AllStores) -> list[Notice]:
    """Return the notices that were recorded since the last call."""
    notices: list[Notice] = []

    def plan(fresh: Sequence[Notice]) -> list[PlannedMessage]:
        notices.extend(fresh)
        return []

    await stores.notices.route(plan)
    return notices


async def route(stores: AllStores, rules: NoticeRules = RULES) -> int:
    return await stores.notices.route(RouteNotices(rules, now=lambda: datetime.now(UTC)).plan)


async def claim_channel(stores: AllStores) -> ChannelClaim:
    claim = await stores.notices.claim(LEASE)
    assert claim is not None
    return claim


async def begin(stores: AllStores, claim: ChannelClaim) -> DueMessage:
    message = await stores.notices.begin(claim, LEASE)
    assert message is not None
    return message
