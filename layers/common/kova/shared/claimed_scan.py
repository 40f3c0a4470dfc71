"""A scan that one worker alone works on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ClaimedScan:
    """A scan that this worker alone works on, until the lease ends. `lease` is its token."""

    id: str
    repository_id: str
    lease: str
    started_at: datetime
