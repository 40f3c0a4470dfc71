"""A sliding window lets exactly its quota through in any window."""

from hypothesis import given
from hypothesis import strategies as st

from kova.access.rate_limit import Policy, SlidingWindow

steps = st.lists(st.floats(min_value=0, max_value=30), max_size=200)


@given(quota=st.integers(1, 12), steps=steps)
def test_no_window_ever_holds_more_than_the_quota(quota: int, steps: list[float]) -> None:
    policy, window, now = Policy(name="read", quota=quota), SlidingWindow(), 0.0
    passed: list[float] = []
    for step in steps:
        now += step
        verdict = window.take(policy, now)
        recent = [moment for moment in passed if moment > now - policy.window]
        assert verdict.allowed == (len(recent) < quota)
        if verdict.allowed:
            passed.append(now)
        assert verdict.remaining == quota - min(len(recent) + 1, quota)


@given(quota=st.integers(1, 12), steps=steps)
def test_who_waits_as_long_as_told_passes_and_not_before(quota: int, steps: list[float]) -> None:
    policy, window, now = Policy(name="read", quota=quota), SlidingWindow(), 0.0
    for step in steps:
        now += step
        verdict = window.take(policy, now)
        if not verdict.allowed:
            assert 0 < verdict.reset <= policy.window
            assert window.take(policy, now + verdict.reset + 1e-6).allowed
            now += verdict.reset + 1e-6


def test_a_lower_quota_acts_at_once() -> None:
    window, low = SlidingWindow(), Policy(name="read", quota=2)
    for now in range(5):
        window.take(Policy(name="read", quota=10), now)
    verdict = window.take(low, 10)
    assert (verdict.allowed, verdict.reset) == (False, 3 + 60 - 10)
