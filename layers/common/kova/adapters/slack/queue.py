"""What people in a chat ask for, on the command queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kova.adapters.sqs import translate_errors
from kova.commands.chat_message import encode_chat_job

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from kova.commands.chat import ChatJob


class SqsChatQueue:
    """Implements intake.ports.ChatQueue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_chat(self, job: ChatJob) -> None:
        """Send one message."""
        with translate_errors():
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=encode_chat_job(job))
