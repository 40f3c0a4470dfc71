"""What was done once, and by whom."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DoneClaim:
    """Something that is done: `name` did it, `outcome` came of it."""

    name: str
    outcome: str
