"""Why a scan is not worked on now, or never again."""

from __future__ import annotations

from kova.shared.exceptions import KovaError


class NotDueError(KovaError):
    """The next attempt is not due yet."""

    reason = "not_due"


class SuspectScanError(KovaError):
    """A worker died while it worked on this scan: it is worked on alone."""

    reason = "suspect_scan"


class WorkerKilledError(KovaError):
    """The scan ended its worker again and again: for want of memory or time, or by a crash."""

    reason = "worker_killed"


class ScanLostError(KovaError):
    """No worker took the scan up, though it was queued again and again."""

    reason = "scan_lost"


class InternalFaultError(KovaError):
    """A fault of Kova's own, which its log describes, ended the scan."""

    reason = "internal_fault"
