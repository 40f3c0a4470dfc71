"""POST /webhooks/slack, without a web framework: a cold start costs the queue's client only."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from kova.adapters.cloudwatch import write_count
from kova.bootstrap.chat.slack_intake import SlackFunction, slack_function
from kova.bootstrap.environment import FromEnvironment
from kova.intake.accept_slack import IncomingSlack
from kova.shared.exceptions import KovaError
from kova.web.gateway import GatewayRequest, answer, answer_problem
from kova.web.logs import configure_logging
from kova.web.origin import require_gateway_origin

_LOG = logging.getLogger("kova.slack")


def _build(variables: Mapping[str, str]) -> SlackFunction:
    configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
    return slack_function(variables)


# Without a secret it is built anew soon: people put it into Secrets Manager later.
_function = FromEnvironment(_build, is_complete=lambda function: function.is_configured)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway HTTP API event (payload version 2.0)."""
    request = GatewayRequest.of(event)
    try:
        function = _function()
        require_gateway_origin(request, function.origin_secrets)
        accepted = function.accept_slack.accept(_incoming(request))
    except KovaError as exc:
        _LOG.warning("request refused", extra={"reason": exc.reason, "request_id": request.id})
        write_count("kova_chat_events_total", kind="refused", outcome=exc.reason)
        return answer_problem(request, exc)
    write_count("kova_chat_events_total", kind=accepted.kind, outcome=accepted.outcome)
    body = b"" if accepted.body is None else json.dumps(accepted.body).encode()
    return answer(request, 200, body, {"content-type": "application/json"} if body else {})


def _incoming(request: GatewayRequest) -> IncomingSlack:
    headers = request.headers
    return IncomingSlack(
        timestamp=headers.get("x-slack-request-timestamp"),
        signature=headers.get("x-slack-signature"),
        content_type=headers.get("content-type"),
        body=request.body(),
    )
