"""What the routes need; the composition root's container has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from kova.ports.commands import CommandStore
from kova.usecases.accept_delivery import AcceptDelivery
from kova.usecases.authenticate import Authenticate
from kova.usecases.request_command import RequestCommand
from kova.usecases.request_scan import RequestScan
from kova.usecases.run_command import RunCommand
from kova.usecases.scan_repository import Stores


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
    def authenticate(self) -> Authenticate:
        """The check of API keys."""

    @property
    def request_scan(self) -> RequestScan:
        """POST /api/scan."""

    @property
    def accept_delivery(self) -> AcceptDelivery:
        """POST /webhooks/github."""

    @property
    def ai(self) -> AiUseCases:
        """POST /ai/command and the list of commands."""

    def checks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Pings by the name of the dependency."""

    async def close(self) -> None:
        """Close what was opened."""
