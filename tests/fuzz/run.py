"""Send many mutated inputs to a door, each from a seed of its own, and count what became of them."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.fuzz.doors import Door, FuzzError

# Of one input: whoever needs longer hangs.
_MOST_SECONDS: Final = 30


async def fuzz(
    name: str,
    door: Door,
    seed: int,
    most: int,
    *,
    count: Callable[[], int] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Counter[str]:
    """Send so many inputs, or until `count` says so; return how often each outcome was seen.

    Raises:
        FuzzError: with the number of the input, by which it comes again.
    """
    outcomes: Counter[str] = Counter()
    number = 0
    while (count() if count else number) < most:
        number += 1
        try:
            with _time_limit(_MOST_SECONDS):
                outcomes[await door(input_random(seed, name, number))] += 1
        except Exception as exc:
            body = exc.body if isinstance(exc, FuzzError) else b""
            message = f"{name} {seed}/{number}: {exc!r} {body[:2_000]!r}"
            raise FuzzError(message, body) from exc
        if on_progress is not None:
            on_progress(count() if count else number)
    return outcomes


def input_random(seed: int, name: str, number: int) -> random.Random:
    """Return the random numbers that make one input."""
    return random.Random(f"{seed}/{name}/{number}")


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def end(*_: Any) -> None:
        raise TimeoutError(f"It took more than {seconds} seconds.")

    former = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
