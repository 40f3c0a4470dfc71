"""API Gateway's HTTP API events (payload version 2.0) without a web framework.

For the two functions whose cold start people or GitHub wait for: an event becomes a GatewayRequest,
an answer the dictionary that API Gateway wants, with the headers that every answer of Kova has.
See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kova.shared.exceptions import InvalidInputError, KovaError
from kova.web.headers import SECURITY_HEADERS, accepted_request_id
from kova.web.problem_table import describe, failure_answer, retry_header


@dataclass(frozen=True, kw_only=True)
class GatewayRequest:
    """A request; header names are in lower case."""

    id: str
    method: str
    path: str
    headers: Mapping[str, str]
    event: Mapping[str, Any]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> GatewayRequest:
        """Read an event; it never raises for what one lacks."""
        context = event.get("requestContext") or {}
        headers = {str(name).lower(): text for name, text in (event.get("headers") or {}).items()}
        request_id = accepted_request_id(str(headers.get("x-request-id", "")))
        return cls(
            id=request_id or str(context.get("requestId") or uuid.uuid4()),
            method=str((context.get("http") or {}).get("method", "")),
            path=str(event.get("rawPath", "")),
            headers=headers,
            event=event,
        )

    def body(self) -> bytes:
        """Return the bytes of the body.

        Raises:
            InvalidInputError: it is said to be base64, and is not.
        """
        body = self.event.get("body") or ""
        if not self.event.get("isBase64Encoded"):
            return str(body).encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise InvalidInputError("The body is not base64.") from exc


def answer(
    request: GatewayRequest, status: int, body: bytes, headers: Mapping[str, str]
) -> dict[str, Any]:
    """Return what API Gateway sends; text as it is, other bytes in base64."""
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode(), True
    lower = {name.lower(): text for name, text in headers.items()}
    return {
        "statusCode": status,
        "headers": {**SECURITY_HEADERS, **lower, "x-request-id": request.id},
        "body": text,
        "isBase64Encoded": encoded,
    }


def answer_json(request: GatewayRequest, status: int, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value as JSON."""
    body = json.dumps(value).encode()
    return answer(request, status, body, {"content-type": "application/json"})


def answer_problem(request: GatewayRequest, error: KovaError) -> dict[str, Any]:
    """Return an error as a problem (RFC 9457), or as a page where people look."""
    status, title = describe(error)
    body, headers = failure_answer(
        request.path,
        status=status,
        title=title,
        detail=error.message,
        reason=error.reason,
        request_id=request.id,
        headers=retry_header(error),
    )
    return answer(request, status, body, headers)
