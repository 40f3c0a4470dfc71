"""A scan that one worker alone has in hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ClaimedScan:
    """A scan that this worker alone has in hand until `lease` runs out."""

    id: str
    repository_id: str
    lease: str
    started_at: datetime
