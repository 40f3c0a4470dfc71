"""Where accepted work waits."""

from __future__ import annotations

from typing import Protocol

from kova.domain.scan import ScanTarget


class ScanQueue(Protocol):
    """The queue of scans."""

    def send(self, target: ScanTarget) -> None:
        """Accept a scan durably.

        Raises:
            QueueUnavailableError: it was not accepted.
        """

    def ping(self) -> None:
        """Raise QueueUnavailableError when the queue does not answer."""
