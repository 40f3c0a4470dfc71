"""The queues that several roots send to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kova.bootstrap.core import Core
from kova.bootstrap.settings import require

if TYPE_CHECKING:
    from kova.adapters.sqs import SqsScanQueue


def scan_queue(core: Core) -> SqsScanQueue:
    """Return the scan queue; SettingsError when it is not configured."""
    from kova.adapters.sqs import SqsScanQueue

    return SqsScanQueue(core.sqs, require(core.settings.scan_queue_url, "KOVA_SCAN_QUEUE_URL"))
