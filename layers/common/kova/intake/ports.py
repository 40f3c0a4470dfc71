"""What intake needs from outside besides the queues of scans and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.commands.chat import ChatJob
    from kova.intake.slack_request import ReasonQuestion


class ChatQueue(Protocol):
    """The command queue, for what people ask for in a chat."""

    def send_chat(self, job: ChatJob) -> None:
        """Queue a job durably.

        Raises:
            QueueUnavailableError: it is not queued.
        """


class ReasonDialog(Protocol):
    """Asks somebody why an error is ignored."""

    def open(self, question: ReasonQuestion) -> None:
        """Open the dialog, within the seconds that Slack leaves for it.

        Raises:
            UnavailableError: it could not be opened.
        """
