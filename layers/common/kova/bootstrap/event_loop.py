"""The one event loop of a Lambda environment."""

from __future__ import annotations

import asyncio
from functools import cache


@cache
def event_loop() -> asyncio.AbstractEventLoop:
    """Return the one loop of this Lambda environment.

    Connections live in the loop that made them; a loop for each invocation would leave the pool
    with connections of a dead one.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
