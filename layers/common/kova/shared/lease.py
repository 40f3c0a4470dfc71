"""Renew a lease while its holder works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from kova.shared.exceptions import ConflictError, UnavailableError


@asynccontextmanager
async def renewing_lease(
    renew: Callable[[], Awaitable[bool]], lease: timedelta, *, on_loss: str | None
) -> AsyncIterator[None]:
    """Renew a lease three times in its length while the block runs.

    Args:
        renew: False where somebody else has the lease.
        lease: its length.
        on_loss: at the loss of the lease the block is cancelled, and the error says this; None:
            the block goes on.

    Raises:
        ConflictError: the lease was lost.
    """
    holder = asyncio.current_task()
    assert holder is not None
    is_lost = False

    async def keep() -> None:
        nonlocal is_lost
        while True:
            await asyncio.sleep(lease.total_seconds() / 3)
            with suppress(UnavailableError):
                if not await renew():
                    if on_loss is not None:
                        is_lost = True
                        holder.cancel()
                    return

    task = asyncio.create_task(keep())
    try:
        yield
    except asyncio.CancelledError:
        if is_lost and on_loss is not None:
            raise ConflictError(on_loss) from None
        raise
    finally:
        task.cancel()
