"""The JSON of health and of webhook deliveries."""

from __future__ import annotations

from typing import Self

from kova.shared.check_health import Check
from kova.web.schemas.base import View


class DeliveryView(View):
    """The answer to a webhook delivery."""

    delivery: str
    status: str
    event: str
    reason: str | None = None


class CheckView(View):
    """One dependency's state."""

    status: str
    latency_ms: float
    detail: str | None = None

    @classmethod
    def of(cls, check: Check) -> Self:
        """Show a check."""
        status = "ok" if check.ok else "unavailable"
        return cls(status=status, latency_ms=check.latency_ms, detail=check.detail)


class HealthView(View):
    """The state of the service and of everything that it needs."""

    status: str
    version: str
    checks: dict[str, CheckView]
