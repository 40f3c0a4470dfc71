"""The HTTP API's events and answers, as AWS documents them, and what it refuses."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kova_server.local_lambda.execution_environment import InvocationAnswer
from kova_server.local_lambda.front import TokenBucket
from kova_server.local_lambda.gateway import (
    GatewayAnswer,
    GatewayCall,
    RouteMatch,
    gateway_answer,
    gateway_event,
    match_route,
)
from kova_server.local_lambda.template import GatewayRoute, Throttle

ROUTES = [
    GatewayRoute(method=method, path=path, function=function)
    for method, path, function in (
        ("GET", "/", "Root"),
        ("GET", "/docs", "Docs"),
        ("GET", "/docs/{asset}", "Asset"),
        ("GET", "/setup/{name}", "Part"),
        ("GET", "/setup/session", "Session"),
        ("GET", "/api/{proxy+}", "Api"),
        ("GET", "/api/health", "Literal"),
        ("ANY", "/any", "Any"),
    )
]
REQUEST_ID = "JKJaXmPLvHcESHA="


@pytest.mark.parametrize(
    ("method", "path", "function", "parameters"),
    [
        ("GET", "/", "Root", {}),
        ("GET", "/docs", "Docs", {}),
        ("GET", "/docs/a%20b.js", "Asset", {"asset": "a b.js"}),
        ("GET", "/docs/a%2Fb", "Asset", {"asset": "a/b"}),
        ("GET", "/setup/session", "Session", {}),
        ("GET", "/setup/other", "Part", {"name": "other"}),
        ("GET", "/api/health", "Literal", {}),
        ("GET", "/api/scans/1/sarif", "Api", {"proxy": "scans/1/sarif"}),
        ("PATCH", "/any", "Any", {}),
    ],
)
def test_the_most_specific_route_is_taken(
    method: str, path: str, function: str, parameters: dict[str, str]
) -> None:
    match = match_route(ROUTES, method, path)
    assert match is not None
    assert (match.route.function, match.parameters) == (function, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("POST", "/docs"),
        ("HEAD", "/docs"),
        ("GET", "/docs/"),
        ("GET", "/docs/a/b"),
        ("GET", "//"),
        ("GET", "//docs"),
        ("GET", "/api"),
        ("GET", "/api/"),
        ("GET", "/DOCS"),
        ("GET", "http://example.com/docs"),
        ("GET", "*"),
        ("GET", ""),
    ],
)
def test_what_no_route_has_is_not_found(method: str, path: str) -> None:
    assert match_route(ROUTES, method, path) is None


def call(**changes: Any) -> GatewayCall:
    """The request of AWS's example of payload version 2.0."""
    example: dict[str, Any] = {
        "method": "POST",
        "path": "/my/path",
        "query": "parameter1=value1&parameter1=value2&parameter2=value",
        "headers": [
            ("header1", "value1"),
            ("header1", "value2"),
            ("cookie", "cookie1=a; cookie2=b"),
            ("host", "id.execute-api.us-east-1.amazonaws.com"),
            ("user-agent", "agent"),
        ],
        "body": b"",
        "client": "192.0.2.1",
        "port": 8000,
        "request_id": REQUEST_ID,
    }
    return GatewayCall(**{**example, **changes})


def event(**changes: Any) -> dict[str, Any]:
    route = GatewayRoute(method="POST", path="/my/{name}", function="F")
    return gateway_event(RouteMatch(route=route, parameters={"name": "path"}), call(**changes))


def test_a_request_becomes_the_documented_event() -> None:
    """See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
    made = event()
    context = made["requestContext"]
    assert (made["version"], made["routeKey"], made["rawPath"]) == (
        "2.0",
        "POST /my/{name}",
        "/my/path",
    )
    assert made["rawQueryString"] == "parameter1=value1&parameter1=value2&parameter2=value"
    assert made["queryStringParameters"] == {"parameter1": "value1,value2", "parameter2": "value"}
    assert made["cookies"] == ["cookie1=a", "cookie2=b"]
    assert made["headers"]["header1"] == "value1,value2"
    assert "cookie" not in made["headers"]
    assert made["pathParameters"] == {"name": "path"}
    assert context["domainName"] == "id.execute-api.us-east-1.amazonaws.com"
    assert context["domainPrefix"] == "id"
    assert context["http"] == {
        "method": "POST",
        "path": "/my/path",
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.1",
        "userAgent": "agent",
    }
    assert (context["requestId"], context["stage"]) == (REQUEST_ID, "$default")
    assert "body" not in made
    assert made["isBase64Encoded"] is False


def test_the_clients_address_is_the_connections_whatever_it_says() -> None:
    made = event(headers=[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")])
    assert made["requestContext"]["http"]["sourceIp"] == "192.0.2.1"
    assert made["headers"]["x-forwarded-for"] == "203.0.113.9, 192.0.2.1"
    assert made["headers"]["x-forwarded-proto"] == "http"


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b'{"a": "\xc3\xa9"}', False),
        ("application/problem+json; charset=utf-8", b"{}", False),
        ("text/plain", b"text", False),
        ("application/json", b"\xff", True),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("application/octet-stream", b"\x00", True),
        ("", b"text", True),
    ],
)
def test_a_body_is_text_or_base64(content_type: str, body: bytes, encoded: bool) -> None:
    made = event(body=body, headers=[("content-type", content_type)])
    text = made["body"]
    assert made["isBase64Encoded"] is encoded
    assert (base64.b64decode(text) if encoded else text.encode()) == body


def test_a_decoded_path_and_an_odd_query_do_no_harm() -> None:
    made = event(path="/my/%E0%A4%A%00", query="a&b=&=c&%ff")
    assert made["rawPath"].startswith("/my/")
    assert json.loads(json.dumps(made))["rawQueryString"] == "a&b=&=c&%ff"


def answer(value: Any) -> GatewayAnswer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return gateway_answer(InvocationAnswer(body=body, is_error=False), REQUEST_ID)


def test_an_answer_in_the_documented_form_is_sent() -> None:
    sent = answer(
        {
            "cookies": ["cookie1=a", "cookie2=b"],
            "isBase64Encoded": True,
            "statusCode": 201,
            "headers": {"X-Mine": "1", "Content-Length": "999", "Connection": "close"},
            "body": base64.b64encode(b"\x00\xff").decode(),
        }
    )
    assert (sent.status, sent.body) == (201, b"\x00\xff")
    assert ("x-mine", "1") in sent.headers
    assert [text for name, text in sent.headers if name == "set-cookie"] == [
        "cookie1=a",
        "cookie2=b",
    ]
    assert not {"content-length", "connection"} & {name for name, _ in sent.headers}


def test_an_answer_without_a_status_is_the_body() -> None:
    sent = answer({"message": "Hello from Lambda!"})
    assert (sent.status, json.loads(sent.body)) == (200, {"message": "Hello from Lambda!"})
    assert ("content-type", "application/json") in sent.headers


@pytest.mark.parametrize(
    "value",
    [
        b"not json",
        {"statusCode": "many"},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c=d"}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "\u20ac"}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "cookies": ["a=b\nc"]},
    ],
)
def test_an_answer_in_another_form_is_a_500(value: Any) -> None:
    sent = answer(value)
    assert (sent.status, sent.body) == (500, b'{"message":"Internal Server Error"}')


def test_a_failed_function_is_a_500_that_says_nothing_of_it() -> None:
    sent = gateway_answer(
        InvocationAnswer(body=b'{"errorMessage": "secret"}', is_error=True), REQUEST_ID
    )
    assert (sent.status, sent.body) == (500, b'{"message":"Internal Server Error"}')


def test_a_throttle_lets_a_burst_through_and_then_the_rate() -> None:
    now = [0.0]
    bucket = TokenBucket(Throttle(rate=2, burst=3), lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] += 1
    assert [bucket.take() for _ in range(3)] == [True, True, False]
