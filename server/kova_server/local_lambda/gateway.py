"""API Gateway's HTTP API without I/O: which route a request takes, its event, and the answer.

Payload version 2.0, see
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from kova_server.local_lambda.execution_environment import ACCOUNT, InvocationAnswer
from kova_server.local_lambda.template import GatewayRoute

API_ID: Final = "local"
MOST_BODY_BYTES: Final = 10 * 1024 * 1024
MOST_HEADER_BYTES: Final = 10_240
_TEXT: Final = re.compile(
    r"text/.*|application/(?:json|javascript|xml|.+\+json|.+\+xml)", re.IGNORECASE
)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Those are said anew for each connection.
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_REWRITTEN: Final = frozenset({"content-length", "date", "server"})


@dataclass(frozen=True, kw_only=True)
class GatewayCall:
    """A request as it came in; `path` and `query` are percent-encoded, header names lower case."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    client: str
    port: int
    request_id: str
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, kw_only=True)
class GatewayAnswer:
    """What goes back to the client."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class RouteMatch:
    """A route and the values of its path's parameters."""

    route: GatewayRoute
    parameters: Mapping[str, str]


def match_route(routes: Iterable[GatewayRoute], method: str, path: str) -> RouteMatch | None:
    """Return the most specific route for a path: literal, then `{name}`, then `{name+}`.

    Args:
        routes: of the API.
        method: of the request.
        path: percent-encoded; it is matched piece by piece and decoded afterwards.
    """
    matches: list[tuple[list[int], RouteMatch]] = []
    for route in routes:
        if route.method not in {method, "ANY"}:
            continue
        parameters, weights = _match_path(route.path, path)
        if parameters is not None:
            matches.append((weights, RouteMatch(route=route, parameters=parameters)))
    return max(matches, key=lambda pair: pair[0])[1] if matches else None


def _match_path(pattern: str, path: str) -> tuple[dict[str, str] | None, list[int]]:
    """Return the parameters, and how specific each piece of the pattern is."""
    parameters: dict[str, str] = {}
    weights: list[int] = []
    parts, pieces = pattern[1:].split("/"), path[1:].split("/")
    if not path.startswith("/"):
        return None, []
    for index, part in enumerate(parts):
        is_parameter = part.startswith("{") and part.endswith("}")
        name = part[1:-1]
        if is_parameter and name.endswith("+"):
            rest = "/".join(pieces[index:])
            return ({**parameters, name[:-1]: unquote(rest)}, [*weights, 0]) if rest else (None, [])
        if index >= len(pieces) or (is_parameter and not pieces[index]):
            return None, []
        if is_parameter:
            parameters[name] = unquote(pieces[index])
        elif part != unquote(pieces[index]):
            return None, []
        weights.append(1 if is_parameter else 2)
    return (parameters, weights) if len(parts) == len(pieces) else (None, [])


def gateway_event(match: RouteMatch, call: GatewayCall) -> dict[str, Any]:
    """Return the event of a request; values of the same header or query name are joined by commas.

    The path is decoded, as an HTTP API hands it on.
    """
    headers = _joined((name, text) for name, text in call.headers if name != "cookie")
    cookies = [
        cookie.strip()
        for name, text in call.headers
        if name == "cookie"
        for cookie in text.split(";")
        if cookie.strip()
    ]
    forwarded = [text for text in (headers.get("x-forwarded-for"), call.client) if text]
    headers |= {
        "content-length": str(len(call.body)),
        "x-forwarded-for": ", ".join(forwarded),
        "x-forwarded-port": str(call.port),
        "x-forwarded-proto": "http",
    }
    query = _joined(parse_qsl(call.query, keep_blank_values=True))
    path = unquote(call.path)
    domain = headers.get("host", "").partition(":")[0]
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": path,
        "rawQueryString": call.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": call.method,
                "path": path,
                "protocol": call.protocol,
                "sourceIp": call.client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": call.request_id,
            "routeKey": match.route.key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": round(now * 1_000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = query
    if match.parameters:
        event["pathParameters"] = dict(match.parameters)
    return event | _body_fields(call.body, headers.get("content-type", ""))


def _body_fields(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the body as text where its type says that it is one, else in base64."""
    if not body:
        return {}
    if _TEXT.fullmatch(content_type.partition(";")[0].strip()):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, text in pairs:
        values.setdefault(name, []).append(text)
    return {name: ",".join(texts) for name, texts in values.items()}


def gateway_answer(answer: InvocationAnswer, request_id: str) -> GatewayAnswer:
    """Return what API Gateway makes of a function's answer."""
    if answer.is_error:
        return refusal(500, "Internal Server Error", request_id)
    try:
        value = json.loads(answer.body)
        if not isinstance(value, dict) or "statusCode" not in value:
            # Without a status the whole value is the body.
            headers = [("content-type", "application/json"), *_own_headers(request_id)]
            return GatewayAnswer(status=200, headers=headers, body=json.dumps(value).encode())
        return _read_answer(value, request_id)
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        return refusal(500, "Internal Server Error", request_id)


def _read_answer(value: Mapping[str, Any], request_id: str) -> GatewayAnswer:
    status = int(value["statusCode"])
    if not 200 <= status <= 599:  # noqa: PLR2004 (what a status can be)
        raise ValueError
    text = value.get("body") or ""
    if not isinstance(text, str):
        raise TypeError
    body = base64.b64decode(text, validate=True) if value.get("isBase64Encoded") else text.encode()
    headers = [
        (_checked_name(name), _checked_text(content))
        for name, content in (value.get("headers") or {}).items()
        if name.lower() not in _HOP_BY_HOP | _REWRITTEN
    ]
    headers += [("set-cookie", _checked_text(cookie)) for cookie in value.get("cookies") or []]
    return GatewayAnswer(status=status, headers=[*headers, *_own_headers(request_id)], body=body)


def _checked_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError
    return name.lower()


def _checked_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if any(character in text for character in "\r\n\0"):
        raise ValueError
    text.encode("latin-1")
    return text


def refusal(status: int, message: str, request_id: str) -> GatewayAnswer:
    """Return one of API Gateway's own answers."""
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    headers = [("content-type", "application/json"), *_own_headers(request_id)]
    return GatewayAnswer(status=status, headers=headers, body=body)


def _own_headers(request_id: str) -> list[tuple[str, str]]:
    return [("apigw-requestid", request_id)]
