"""The queues of scans and of fixes in memory; messages are encoded as on SQS."""

from __future__ import annotations

from dataclasses import dataclass, field

from kova.fixes.message import decode_publish_job, encode_publish_job
from kova.scans.message import decode_scan_job, encode_scan_job
from kova.scans.scan import ScanTarget
from kova.shared.exceptions import QueueUnavailableError


@dataclass(kw_only=True)
class MemoryScanQueue:
    """Implements scans.ports.ScanQueue. `available` may be set to False: then it says so."""

    available: bool = True
    messages: list[str] = field(default_factory=list)

    def send(self, target: ScanTarget) -> None:
        """Accept a scan."""
        self.ping()
        self.messages.append(encode_scan_job(target))

    def ping(self) -> None:
        """Raise QueueUnavailableError when the queue is not available."""
        if not self.available:
            raise QueueUnavailableError

    def targets(self) -> list[ScanTarget]:
        """Return the scans that were accepted, the first one first."""
        return [decode_scan_job(message) for message in self.messages]


@dataclass(kw_only=True)
class MemoryFixQueue:
    """Implements fixes.ports.FixQueue. `available` may be set to False: then it says so."""

    available: bool = True
    messages: list[str] = field(default_factory=list)

    def send_fix(self, fix_id: str) -> None:
        """Accept a fix."""
        if not self.available:
            raise QueueUnavailableError
        self.messages.append(encode_publish_job(fix_id))

    def fix_ids(self) -> list[str]:
        """Return the fixes that were accepted, the first one first."""
        return [decode_publish_job(message) for message in self.messages]
