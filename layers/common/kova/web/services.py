"""What the routes need; the composition root's container has it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Protocol

from kova.access.admit import Admit
from kova.access.answer_once import AnswerOnce
from kova.access.manage_keys import ManageKeys
from kova.commands.ports import CommandStore
from kova.commands.request_command import RequestCommand
from kova.commands.run_command import RunCommand
from kova.errors.change_error import ChangeError
from kova.fixes.request_publish import RequestPublish
from kova.intake.accept_delivery import AcceptDelivery
from kova.models.ports import UsageStore
from kova.scans.import_sarif import ImportSarif
from kova.scans.request_scan import RequestScan
from kova.scans.scan_repository import Stores
from kova.shared.check_health import CheckHealth
from kova.shared.meter import Meter
from kova.shared.ports import AuditStore


class AiUseCases(Protocol):
    """The use cases behind /ai."""

    @property
    def run(self) -> RunCommand:
        """Runs a command at once."""

    @property
    def request(self) -> RequestCommand:
        """Takes a command for later; NotConfiguredError without the command queue."""

    @property
    def commands(self) -> CommandStore:
        """Commands and their outcomes."""


class WebServices(Protocol):
    """The use cases and stores behind the routes."""

    @property
    def stores(self) -> Stores:
        """What is remembered."""

    @property
    def admit(self) -> Admit:
        """The check of API keys and rate limits."""

    @property
    def answer_once(self) -> AnswerOnce:
        """Idempotency keys."""

    @property
    def manage_keys(self) -> ManageKeys:
        """The life of API keys."""

    @property
    def request_publish(self) -> RequestPublish:
        """POST /api/fixes/{id}/publish."""

    @property
    def change_error(self) -> ChangeError:
        """Ignoring errors and opening them again."""

    @property
    def audit(self) -> AuditStore:
        """Who did what."""

    @property
    def usage(self) -> UsageStore:
        """What AI commands cost."""

    @property
    def meter(self) -> Meter:
        """Where counts go."""

    @property
    def metrics_token(self) -> str | None:
        """The bearer token of Prometheus."""

    async def metrics_page(self) -> bytes:
        """The page that Prometheus reads."""

    def background(self) -> AbstractAsyncContextManager[None]:
        """What runs beside the requests for as long as the server does."""

    @property
    def monthly_budget_usd(self) -> Decimal | None:
        """The cap on all AI commands of a month."""

    @property
    def cors_origins(self) -> Sequence[str]:
        """Origins whose pages may call; `*` for all, then without credentials."""

    @property
    def request_scan(self) -> RequestScan:
        """POST /api/scan."""

    @property
    def import_sarif(self) -> ImportSarif:
        """POST /api/scans/{id}/sarif."""

    @property
    def accept_delivery(self) -> AcceptDelivery:
        """POST /webhooks/github."""

    @property
    def check_health(self) -> CheckHealth:
        """The question whether every dependency is there."""

    @property
    def ai(self) -> AiUseCases:
        """POST /ai/command and the list of commands."""

    async def close(self) -> None:
        """Close what was opened."""
