"""Where counts and durations go; names are Prometheus's, labels are bounded."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Counters and histograms. Nothing here fails or waits."""

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter, such as `kova_ai_calls_total`."""

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Record one value of a histogram, such as `kova_ai_call_duration_seconds`."""


class SilentMeter:
    """Implements Meter for processes without metrics."""

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        """Do nothing."""

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Do nothing."""
