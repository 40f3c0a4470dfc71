"""POST /webhooks/github, without a web framework: a cold start costs the queue's client only."""

import logging
from collections.abc import Mapping
from typing import Any

from kova.adapters.cloudwatch import write_count
from kova.bootstrap.environment import FromEnvironment
from kova.bootstrap.intake import WebhookFunction, webhook_function
from kova.intake.accept_delivery import IncomingDelivery
from kova.shared.exceptions import KovaError
from kova.web.gateway import GatewayRequest, answer_json, answer_problem
from kova.web.logs import configure_logging
from kova.web.origin import require_gateway_origin

_LOG = logging.getLogger("kova.webhook")


def _build(variables: Mapping[str, str]) -> WebhookFunction:
    configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
    return webhook_function(variables)


# Without a secret it is built anew soon: /setup stores one.
_function = FromEnvironment(_build, is_complete=lambda function: function.is_configured)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway HTTP API event (payload version 2.0)."""
    request = GatewayRequest.of(event)
    try:
        function = _function()
        require_gateway_origin(request, function.origin_secrets)
        accepted = function.accept_delivery.accept(_incoming(request))
    except KovaError as exc:
        _LOG.warning("delivery refused", extra={"reason": exc.reason, "request_id": request.id})
        write_count("kova_deliveries_refused_total", reason=exc.reason)
        return answer_problem(request, exc)
    write_count("kova_deliveries_total", event=accepted.known_event, outcome=accepted.status)
    body = {"delivery": accepted.delivery, "status": accepted.status, "event": accepted.event}
    if accepted.reason is not None:
        body["reason"] = accepted.reason
    log_context = {"delivery": accepted.delivery, "event": accepted.event}
    _LOG.info(
        "delivery", extra={**log_context, "outcome": accepted.status, "request_id": request.id}
    )
    return answer_json(request, 202, body)


def _incoming(request: GatewayRequest) -> IncomingDelivery:
    headers = request.headers
    return IncomingDelivery(
        delivery_id=headers.get("x-github-delivery"),
        event=headers.get("x-github-event"),
        signature=headers.get("x-hub-signature-256"),
        content_type=headers.get("content-type"),
        body=request.body(),
    )
