"""Validates requests by the parameter types of a provider's SDK; unknown keys are refused."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request

LIMIT = 32_000_000
_STRICT = ConfigDict(extra="forbid", strict=True)


class InvalidRequestError(Exception):
    """The real service would refuse the request."""


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return a validator of a list of a TypedDict; a TypedDict alone accepts no settings."""
    return TypeAdapter(list[kind], config=_STRICT)


async def read(request: Request, validator: TypeAdapter[Any]) -> dict[str, Any]:
    """Return the JSON body of a request.

    Raises:
        InvalidRequestError: it is not valid; the message says where.
    """
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise InvalidRequestError("the content type is not application/json")
    raw = await request.body()
    if len(raw) > LIMIT:
        raise InvalidRequestError("the body is too large")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequestError("the body is not JSON") from exc
    if not isinstance(body, dict):
        raise InvalidRequestError("the body is not an object")
    try:
        _consume_iterables(validator.validate_python([body]))
    except ValidationError as exc:
        first = exc.errors()[0]
        raise InvalidRequestError(f"{first['loc'][1:]}: {first['msg']}") from exc
    return body


def _consume_iterables(value: Any) -> None:
    """Iterate over a validated value: Pydantic validates an Iterable's items only then."""
    if isinstance(value, dict):
        for member in value.values():
            _consume_iterables(member)
    elif value is not None and not isinstance(value, str | int | float | bool | bytes):
        for member in value:
            _consume_iterables(member)


def check_schema(schema: dict[str, Any]) -> None:
    """Check a schema by the rules of both providers' structured outputs.

    Raises:
        InvalidRequestError: an object allows other members, or does not require all of its own.
    """
    if schema.get("type") == "object":
        members = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            raise InvalidRequestError("'additionalProperties' is required to be false")
        if set(schema.get("required", ())) != set(members):
            raise InvalidRequestError("'required' must name every property")
        for member in members.values():
            check_schema(member)
    if schema.get("type") == "array":
        check_schema(schema["items"])
