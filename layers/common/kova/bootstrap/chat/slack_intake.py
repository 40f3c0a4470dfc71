"""The intake of Slack's requests, put together: the queue, the secrets and the dialog."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kova.bootstrap.settings import Settings, load_settings, require
from kova.intake.accept_slack import AcceptSlack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from kova.bootstrap.core import Core


class SlackRoot:
    """Implements web.services.SlackServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def accept_slack(self) -> AcceptSlack:
        """The intake; SettingsError without the command queue."""
        return _accept_slack(self._core.settings, self._core.sqs)


@dataclass(frozen=True, kw_only=True)
class SlackFunction:
    """What the Slack function needs, which has no Core."""

    accept_slack: AcceptSlack
    origin_secrets: tuple[str, ...]

    @property
    def is_configured(self) -> bool:
        """False where no signing secret is configured."""
        return self.accept_slack.is_configured


def slack_function(environment: Mapping[str, str]) -> SlackFunction:
    """Build what the Slack function needs.

    Raises:
        SettingsError: the queue is not configured.
    """
    from kova.adapters.sqs import sqs_client

    settings = load_settings(environment, needed=("KOVA_COMMAND_QUEUE_URL",), connects=False)
    return SlackFunction(
        accept_slack=_accept_slack(settings, sqs_client()),
        origin_secrets=settings.cdn.origin_secrets,
    )


def _accept_slack(settings: Settings, client: SQSClient) -> AcceptSlack:
    from kova.adapters.slack.dialog import SlackReasonDialog
    from kova.adapters.slack.queue import SqsChatQueue

    chat = settings.chat
    url = require(settings.ai.command_queue_url, "KOVA_COMMAND_QUEUE_URL")
    dialog = None
    if chat.slack_bot_token is not None:
        dialog = SlackReasonDialog(token=chat.slack_bot_token, url=chat.slack_api_url)
    return AcceptSlack(
        secrets=chat.slack_signing_secrets,
        queue=SqsChatQueue(client, url),
        dialog=dialog,
        now=time.time,
    )
