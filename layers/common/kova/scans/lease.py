"""Renew the lease of a scan while a worker works on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from kova.scans.ports import ScanStore
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.exceptions import ConflictError, UnavailableError

LEASE: Final = timedelta(seconds=15)


@contextlib.asynccontextmanager
async def renewing_lease(scans: ScanStore, claim: ClaimedScan) -> AsyncIterator[None]:
    """Renew the lease while the block runs; cancel the block when the lease is lost.

    Raises:
        ConflictError: another worker took the scan over.
    """
    scanning = asyncio.current_task()
    assert scanning is not None
    lost = False

    async def renew() -> None:
        nonlocal lost
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            with contextlib.suppress(UnavailableError):
                if not await scans.renew(claim, LEASE):
                    lost = True
                    scanning.cancel()
                    return

    task = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise ConflictError("Another worker took the scan over.") from None
        raise
    finally:
        task.cancel()
