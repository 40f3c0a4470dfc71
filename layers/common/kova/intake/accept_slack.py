"""Accept a request of Slack: verify, read, queue; within three seconds, and with nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kova.commands.chat import ChatVerb, parse_verb
from kova.intake.slack_request import (
    ReasonQuestion,
    SlackRequest,
    read_slack_request,
    verify_slack_signature,
)
from kova.shared.exceptions import UnavailableError

if TYPE_CHECKING:
    from kova.intake.ports import ChatQueue, ReasonDialog

HELP: Final = """I know these commands:
/kova status [OWNER/NAME]: open errors, the last scan, fixes that wait
/kova scan OWNER/NAME: scan the default branch
/kova fix OWNER/NAME: scan it, and offer the fixes that are proved
/kova ask [OWNER/NAME] QUESTION: answer a question about the code
/kova ignore OWNER/NAME RULE [PATH] REASON: ignore the open errors of a rule
Mention me to ask in a channel; in the thread of an error I know which one you mean."""
_WORKING: Final = "I am on it."
_BUSY: Final = "I cannot take this now. Please try again in a minute."
_LOG: Final = logging.getLogger("kova.slack")


@dataclass(frozen=True, kw_only=True)
class IncomingSlack:
    """A request as it arrived; missing headers are None."""

    timestamp: str | None
    signature: str | None
    content_type: str | None
    body: bytes


@dataclass(frozen=True, kw_only=True)
class SlackAnswer:
    """What Slack gets with status 200: a JSON body, or none. `kind` and `outcome` are counted."""

    body: Mapping[str, Any] | None
    kind: str
    outcome: str


class AcceptSlack:
    """POST /webhooks/slack."""

    def __init__(
        self,
        *,
        secrets: Sequence[str],
        queue: ChatQueue,
        dialog: ReasonDialog | None,
        now: Callable[[], float],
    ) -> None:
        """Without `dialog` nobody is asked for a reason; `now` returns seconds since the epoch."""
        self._secrets = secrets
        self._queue = queue
        self._dialog = dialog
        self._now = now

    @property
    def is_configured(self) -> bool:
        """False where no secret is configured: then every request is refused."""
        return any(self._secrets)

    def accept(self, incoming: IncomingSlack) -> SlackAnswer:
        """Verify a request before parsing it, and queue its job durably before answering.

        Raises:
            NotConfiguredError: no secret is configured.
            SignatureError: the request is not Slack's, or it is older than five minutes.
            UnavailableError: the job is not queued, or the dialog not opened. Slack repeats an
                event, and tells the person who pressed a button.
        """
        verify_slack_signature(
            incoming.body,
            timestamp=incoming.timestamp,
            signature=incoming.signature,
            secrets=self._secrets,
            now=self._now(),
        )
        request = read_slack_request(incoming.content_type, incoming.body)
        if request.challenge is not None:
            return SlackAnswer(
                body={"challenge": request.challenge}, kind=request.kind, outcome="answered"
            )
        if request.question is not None:
            return self._ask(request.question)
        if request.job is None:
            return SlackAnswer(body=None, kind=request.kind, outcome="ignored")
        return self._queue_job(request)

    def _queue_job(self, request: SlackRequest) -> SlackAnswer:
        assert request.job is not None
        is_command = request.kind == "command"
        if is_command and parse_verb(request.job.text)[0] is ChatVerb.HELP:
            return SlackAnswer(body=_only_you(HELP), kind=request.kind, outcome="answered")
        try:
            self._queue.send_chat(request.job)
        except UnavailableError as exc:
            if not is_command:
                raise
            _LOG.warning("not queued", extra={"reason": exc.reason, "kind": request.kind})
            return SlackAnswer(body=_only_you(_BUSY), kind=request.kind, outcome="failed")
        body = _only_you(_WORKING) if is_command else None
        return SlackAnswer(body=body, kind=request.kind, outcome="queued")

    def _ask(self, question: ReasonQuestion) -> SlackAnswer:
        if self._dialog is None:
            return SlackAnswer(body=None, kind="question", outcome="ignored")
        self._dialog.open(question)
        return SlackAnswer(body=None, kind="question", outcome="answered")


def _only_you(text: str) -> dict[str, str]:
    return {"response_type": "ephemeral", "text": text}
