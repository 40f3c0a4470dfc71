"""What the routes need; the composition root's container has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from kova.usecases.accept_delivery import AcceptDelivery
from kova.usecases.authenticate import Authenticate
from kova.usecases.import_sarif import ImportSarif
from kova.usecases.request_scan import RequestScan
from kova.usecases.scan_repository import Stores


class WebServices(Protocol):
    """The use cases and stores behind the routes."""

    @property
    def stores(self) -> Stores:
        """What is remembered."""

    @property
    def authenticate(self) -> Authenticate:
        """The check of API keys."""

    @property
    def request_scan(self) -> RequestScan:
        """POST /api/scan."""

    @property
    def import_sarif(self) -> ImportSarif:
        """POST /api/scans/{id}/sarif."""

    @property
    def accept_delivery(self) -> AcceptDelivery:
        """POST /webhooks/github."""

    def checks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Pings by the name of the dependency."""

    async def close(self) -> None:
        """Close what was opened."""
