"""The queues of scans and of fixes in memory; messages are encoded as on SQS."""

from __future__ import annotations

from dataclasses import dataclass, field

from kova.adapters.memory.availability import Switchable
from kova.fixes.message import decode_publish_job, encode_publish_job
from kova.scans.message import decode_scan_job, encode_scan_job
from kova.scans.scan import ScanTarget
from kova.shared.exceptions import QueueUnavailableError


@dataclass(kw_only=True)
class MemoryScanQueue(Switchable):
    """Implements scans.ports.ScanQueue."""

    outage = QueueUnavailableError
    messages: list[str] = field(default_factory=list)

    def send(self, target: ScanTarget) -> None:
        """Accept a scan."""
        self.check()
        self.messages.append(encode_scan_job(target))

    def ping(self) -> None:
        """Raise QueueUnavailableError when the queue is not available."""
        self.check()

    def targets(self) -> list[ScanTarget]:
        """Return the scans that were accepted, the first one first."""
        return [decode_scan_job(message) for message in self.messages]


@dataclass(kw_only=True)
class MemoryFixQueue(Switchable):
    """Implements fixes.ports.FixQueue."""

    outage = QueueUnavailableError
    messages: list[str] = field(default_factory=list)

    def send_fix(self, fix_id: str) -> None:
        """Accept a fix."""
        self.check()
        self.messages.append(encode_publish_job(fix_id))

    def fix_ids(self) -> list[str]:
        """Return the fixes that were accepted, the first one first."""
        return [decode_publish_job(message) for message in self.messages]
