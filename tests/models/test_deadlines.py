"""The arithmetic of waiting, at the default deadline and at any other."""

from __future__ import annotations

import pytest

from kova.models.deadlines import CommandTimeouts


def test_two_silent_providers_are_given_up_within_ten_seconds() -> None:
    timeouts = CommandTimeouts()
    assert timeouts.replaced_after + timeouts.pause <= timeouts.given_up_after < 10


@pytest.mark.parametrize("deadline", [1, 20, 45, 300])
def test_each_time_leaves_room_for_the_next(deadline: float) -> None:
    timeouts = CommandTimeouts(deadline=deadline)
    assert timeouts.replaced_after < timeouts.given_up_after < deadline / 2
    # A call has ended before its money is free again, and both before another takes it over.
    assert deadline < timeouts.reservation.total_seconds() < timeouts.lease.total_seconds()
