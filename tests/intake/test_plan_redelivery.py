"""When a delivery that nobody took is asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kova.intake.sent_delivery import MOST_ATTEMPTS, Redelivery, SentDelivery, plan_redelivery

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def attempts(*statuses: int, minutes: float) -> list[SentDelivery]:
    """Return attempts of which the last one was so many minutes ago, and the others before it."""
    last = NOW - timedelta(minutes=minutes)
    return [
        SentDelivery(
            id=number,
            guid="guid",
            delivered_at=last - timedelta(hours=len(statuses) - number),
            status_code=status,
        )
        for number, status in enumerate(statuses, 1)
    ]


@pytest.mark.parametrize(
    ("statuses", "minutes", "plan"),
    [
        ((200,), 0, Redelivery.DONE),
        ((202,), 0, Redelivery.DONE),
        ((0, 202), 0, Redelivery.DONE),
        ((202, 503), 0, Redelivery.DONE),
        ((0,), 0.5, Redelivery.WAIT),
        ((0,), 1, Redelivery.ASK),
        ((503,), 1, Redelivery.ASK),
        ((401,), 1, Redelivery.ASK),
        ((302,), 1, Redelivery.ASK),
        ((0, 503), 1, Redelivery.WAIT),
        ((0, 503), 2, Redelivery.ASK),
        ((0, 503, 0, 0), 7, Redelivery.WAIT),
        ((0, 503, 0, 0), 8, Redelivery.ASK),
        ((0,) * (MOST_ATTEMPTS - 1), 255, Redelivery.WAIT),
        ((0,) * (MOST_ATTEMPTS - 1), 256, Redelivery.ASK),
        ((0,) * MOST_ATTEMPTS, 600, Redelivery.GIVE_UP),
        ((0,) * MOST_ATTEMPTS + (202,), 0, Redelivery.DONE),
    ],
)
def test_the_pauses_grow_and_end(
    statuses: tuple[int, ...], minutes: float, plan: Redelivery
) -> None:
    assert plan_redelivery(attempts(*statuses, minutes=minutes), NOW) is plan
    assert plan_redelivery(attempts(*statuses, minutes=minutes)[::-1], NOW) is plan
