"""Wait for what happens in another process or thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def eventually(
    look: Callable[[], Result | None],
    seconds: float = 60.0,
    *,
    pause: float = 0.02,
    otherwise: Callable[[], object] | None = None,
) -> Result:
    """Return the first true thing that `look` returns.

    Raises:
        AssertionError: it returned none within the seconds; the message is what `otherwise` says.
    """
    end = time.monotonic() + seconds
    while not (result := look()):
        if time.monotonic() > end:
            raise AssertionError(otherwise() if otherwise else f"not within {seconds} s")
        time.sleep(pause)
    return result
