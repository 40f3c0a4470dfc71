"""A scan that one worker alone works on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ClaimedScan:
    """A scan that this worker alone works on, until the lease ends.

    Attributes:
        lease: the lease's token; empty for imported results, which no worker works on.
        attempt: counts its claims from 1.
        worker_deaths: how many workers died while they worked on it.
    """

    id: str
    repository_id: str
    lease: str
    started_at: datetime
    attempt: int = 1
    worker_deaths: int = 0
