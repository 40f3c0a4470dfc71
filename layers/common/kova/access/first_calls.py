"""The first call of a key goes before the others that came with it.

A key that nobody remembers is looked up, and each look-up counts for the caller's address until the
key is found. A burst of calls with one new key is one look-up.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from kova.access.admission import Credentials

_MOST_KEYS: Final = 1_000


class FirstCalls:
    """Knows the keys that were valid in this process, the latest thousand."""

    def __init__(self) -> None:
        self._valid: OrderedDict[Credentials, None] = OrderedDict()
        self._locks: dict[Credentials, asyncio.Lock] = {}
        self._waiting: Counter[Credentials] = Counter()

    @asynccontextmanager
    async def turn(self, credentials: Credentials | None) -> AsyncIterator[None]:
        """Wait while another call with the same credentials is the first one."""
        if credentials is None or credentials in self._valid:
            yield
            return
        self._waiting[credentials] += 1
        lock = self._locks.setdefault(credentials, asyncio.Lock())
        try:
            async with lock:
                is_first = credentials not in self._valid
                if is_first:
                    yield
            if not is_first:
                yield
        finally:
            self._waiting[credentials] -= 1
            if not self._waiting[credentials]:
                del self._waiting[credentials], self._locks[credentials]

    def is_valid(self, credentials: Credentials) -> bool:
        """Tell whether they were valid in this process a while ago."""
        return credentials in self._valid

    def note_valid(self, credentials: Credentials) -> None:
        """Let later calls with these credentials pass at once."""
        self._valid[credentials] = None
        self._valid.move_to_end(credentials)
        if len(self._valid) > _MOST_KEYS:
            self._valid.popitem(last=False)
