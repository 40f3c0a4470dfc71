"""Handle one message of the scan queue and say what becomes of the message."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from kova.scans.message import decode_scan_job
from kova.scans.scan import ScanTarget
from kova.scans.scan_repository import ScanRepository, Stores
from kova.shared.exceptions import KovaError, MalformedMessageError
from kova.shared.meter import Meter
from kova.shared.retry import GiveUp, Retry, plan_retry

_LOG = logging.getLogger("kova.scan")


@dataclass(frozen=True, kw_only=True)
class ScanDone:
    """The message may be deleted."""

    scan_id: str


class HandleScanJob:
    """Does the work of a message, and decides whether it is deleted, tried again or given up."""

    def __init__(self, *, scan: ScanRepository, stores: Stores, meter: Meter) -> None:
        """The stores record a failure for good."""
        self._scan = scan
        self._stores = stores
        self._meter = meter

    async def handle(self, body: str, attempt: int) -> ScanDone | Retry | GiveUp:
        """Handle one message. `attempt` counts its receipts from 1."""
        outcome = await self._scan_target(body, attempt)
        if isinstance(outcome, Retry):
            self._meter.count("kova_messages_retried_total", queue="scan")
        elif isinstance(outcome, GiveUp):
            self._meter.count("kova_messages_buried_total", queue="scan")
        return outcome

    async def _scan_target(self, body: str, attempt: int) -> ScanDone | Retry | GiveUp:
        try:
            target = decode_scan_job(body)
        except MalformedMessageError as exc:
            _LOG.error("message refused", extra={"reason": exc.reason})
            return GiveUp(reason=exc.reason)
        log_context = {
            "repository": target.repository,
            "delivery": target.delivery,
            "attempt": attempt,
        }
        try:
            scan_id = await self._scan.scan(target)
        except Exception as exc:  # noqa: BLE001 (the boundary: every failure becomes a decision)
            plan = plan_retry(exc, attempt)
            _LOG.warning(
                "scan not done",
                exc_info=None if isinstance(exc, KovaError) else exc,
                extra={**log_context, "error": str(exc)[:500], "plan": repr(plan)},
            )
            if isinstance(plan, GiveUp):
                return await self._give_up(target, plan)
            return plan
        _LOG.info("scan done", extra={**log_context, "scan": scan_id})
        return ScanDone(scan_id=scan_id)

    async def _give_up(self, target: ScanTarget, plan: GiveUp) -> Retry | GiveUp:
        """Record the failure in the scan; while the database is away, the message waits for it."""
        try:
            repository = await self._stores.repositories.get(target.repository)
            if repository is not None:
                scan = await self._stores.scans.create(target, repository.id)
                await self._stores.scans.fail(scan.id, plan.reason)
        except KovaError:
            _LOG.warning("failure not recorded", extra={"repository": target.repository})
            return Retry(delay=60)
        return plan
