"""POST /webhooks/github, without a web framework: a cold start costs the queue's client only."""

import base64
import binascii
import json
import logging
from functools import cache
from typing import Any

from kova.bootstrap.environment import environment
from kova.bootstrap.intake import accept_delivery
from kova.intake.accept_delivery import AcceptDelivery, IncomingDelivery
from kova.shared.exceptions import (
    InvalidInputError,
    KovaError,
    NotConfiguredError,
    SignatureError,
    UnavailableError,
)
from kova.web.logs import configure_logging

_STATUS = (
    (SignatureError, 401, "Unauthorized"),
    (InvalidInputError, 400, "Bad Request"),
    (NotConfiguredError, 503, "Service Unavailable"),
    (UnavailableError, 503, "Service Unavailable"),
)


_LOG = logging.getLogger("kova.webhook")


@cache
def _intake() -> AcceptDelivery:
    configure_logging()
    return accept_delivery(environment())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway HTTP API event (payload version 2.0)."""
    request_id = str(event.get("requestContext", {}).get("requestId", ""))
    try:
        accepted = _intake().run(_incoming(event))
    except KovaError as exc:
        _LOG.warning("delivery refused", extra={"reason": exc.reason, "request_id": request_id})
        return _problem(exc, request_id)
    told = {"delivery": accepted.delivery, "event": accepted.event, "outcome": accepted.status}
    _LOG.info("delivery", extra={**told, "request_id": request_id})
    body = {"delivery": accepted.delivery, "status": accepted.status, "event": accepted.event}
    return _answer(202, body, "application/json", request_id)


def _incoming(event: dict[str, Any]) -> IncomingDelivery:
    headers = {str(key).lower(): value for key, value in (event.get("headers") or {}).items()}
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else None
    except binascii.Error as exc:
        raise InvalidInputError("The body is not base64.") from exc
    return IncomingDelivery(
        delivery_id=headers.get("x-github-delivery"),
        event=headers.get("x-github-event"),
        signature=headers.get("x-hub-signature-256"),
        content_type=headers.get("content-type"),
        body=raw if raw is not None else body.encode("utf-8", "surrogatepass"),
    )


def _problem(error: KovaError, request_id: str) -> dict[str, Any]:
    status, title = 500, "Internal Server Error"
    for kind, number, name in _STATUS:
        if isinstance(error, kind):
            status, title = number, name
            break
    body = {
        "type": f"urn:kova:problem:{error.reason}",
        "title": title,
        "status": status,
        "detail": error.message,
        "reason": error.reason,
        "request_id": request_id,
    }
    return _answer(status, body, "application/problem+json", request_id)


def _answer(status: int, body: dict[str, Any], kind: str, request_id: str) -> dict[str, Any]:
    headers = {"content-type": kind, "x-request-id": request_id}
    if status == 503:  # noqa: PLR2004 (the status is its own name)
        headers["retry-after"] = "5"
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
