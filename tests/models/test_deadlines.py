"""The arithmetic of waiting, at the default deadline and at any other."""

from __future__ import annotations

import pytest

from kova.models.deadlines import Patience


def test_two_silent_providers_are_given_up_within_ten_seconds() -> None:
    patience = Patience()
    assert patience.replaced_after + patience.pause <= patience.given_up_after < 10


@pytest.mark.parametrize("deadline", [1, 20, 45, 300])
def test_each_time_leaves_room_for_the_next(deadline: float) -> None:
    patience = Patience(deadline=deadline)
    assert patience.replaced_after < patience.given_up_after < deadline / 2
    # A call has ended before its money is free again, and both before another takes it over.
    assert deadline < patience.reservation.total_seconds() < patience.lease.total_seconds()
