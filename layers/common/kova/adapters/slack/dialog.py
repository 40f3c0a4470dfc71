"""The question why an error is ignored, asked at once: Slack leaves three seconds for it.

Not httpx: the function that Slack calls starts with the standard library and the queue's client.
"""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from kova.adapters.slack.blocks import ignore_view
from kova.notifications.exceptions import MessengerError

if TYPE_CHECKING:
    from kova.intake.slack_request import ReasonQuestion

_SECONDS: Final = 2.0
_LIMIT: Final = 1_000_000


class SlackReasonDialog:
    """Implements intake.ports.ReasonDialog."""

    def __init__(self, *, token: str, url: str) -> None:
        self._token = token
        self._url = urlsplit(url)

    def open(self, question: ReasonQuestion) -> None:
        """Open the dialog.

        Raises:
            MessengerError: Slack does not answer, or refuses.
        """
        view = ignore_view(question.error_id, question.channel, question.message)
        body = json.dumps({"trigger_id": question.trigger_id, "view": view})
        headers = {
            "authorization": f"Bearer {self._token}",
            "content-type": "application/json; charset=utf-8",
        }
        is_tls = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=_SECONDS)
        try:
            connection.request("POST", f"{self._url.path}/views.open", body, headers)
            answer = json.loads(connection.getresponse().read(_LIMIT))
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as exc:
            raise MessengerError("Slack does not answer.") from exc
        finally:
            connection.close()
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            error = str(answer.get("error", ""))[:100] if isinstance(answer, dict) else ""
            raise MessengerError(f"Slack refuses the dialog: {error}.")
