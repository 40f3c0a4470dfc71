"""What the webhook function needs: the queue and the secrets, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from kova.adapters.sqs import SqsCommandQueue, SqsScanQueue, sqs_client
from kova.bootstrap.settings import load_settings
from kova.intake.accept_delivery import AcceptDelivery


def accept_delivery(environment: Mapping[str, str]) -> AcceptDelivery:
    """Build the intake.

    Raises:
        SettingsError: the queue is not configured.
    """
    settings = load_settings(environment, needed=("KOVA_SCAN_QUEUE_URL",))
    assert settings.scan_queue_url is not None
    client, url = sqs_client(), settings.ai.command_queue_url
    return AcceptDelivery(
        secrets=settings.github_webhook_secrets,
        queue=SqsScanQueue(client, settings.scan_queue_url),
        commands=SqsCommandQueue(client, url) if url else None,
    )
