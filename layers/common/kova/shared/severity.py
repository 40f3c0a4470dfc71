"""How bad an error is."""

from __future__ import annotations

import enum


class Severity(enum.StrEnum):
    """How bad it is when the finding is right."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for critical to 3 for low."""
        return list(Severity).index(self)

    def at_least(self, limit: Severity) -> bool:
        """Tell whether this is as bad as the limit or worse."""
        return self.rank <= limit.rank
