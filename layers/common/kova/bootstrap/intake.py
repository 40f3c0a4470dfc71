"""The intake of webhooks, put together: the queue and the secrets, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kova.bootstrap.settings import Settings, load_settings, require
from kova.intake.accept_delivery import AcceptDelivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from kova.bootstrap.core import Core


class IntakeRoot:
    """Implements web.services.IntakeServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def accept_delivery(self) -> AcceptDelivery:
        """The webhook intake; SettingsError without the scan queue."""
        return _accept_delivery(self._core.settings, self._core.sqs)


@dataclass(frozen=True, kw_only=True)
class WebhookFunction:
    """What the webhook function needs, which has no Core."""

    accept_delivery: AcceptDelivery
    origin_secrets: tuple[str, ...]

    @property
    def is_configured(self) -> bool:
        """False where no webhook secret is configured."""
        return self.accept_delivery.is_configured


def webhook_function(environment: Mapping[str, str]) -> WebhookFunction:
    """Build what the webhook function needs.

    Raises:
        SettingsError: the queue is not configured.
    """
    from kova.adapters.sqs import sqs_client

    settings = load_settings(environment, needed=("KOVA_SCAN_QUEUE_URL",), connects=False)
    return WebhookFunction(
        accept_delivery=_accept_delivery(settings, sqs_client()),
        origin_secrets=settings.cdn.origin_secrets,
    )


def _accept_delivery(settings: Settings, client: SQSClient) -> AcceptDelivery:
    from kova.adapters.sqs import SqsCommandQueue, SqsScanQueue

    commands_url = settings.ai.command_queue_url
    return AcceptDelivery(
        secrets=settings.github_webhook_secrets,
        queue=SqsScanQueue(client, require(settings.scan_queue_url, "KOVA_SCAN_QUEUE_URL")),
        commands=SqsCommandQueue(client, commands_url) if commands_url else None,
        owners=settings.owners,
    )
