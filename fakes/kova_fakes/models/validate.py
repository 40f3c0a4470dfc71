"""Requests held against a provider's own parameter types: nothing unknown in them."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request

LIMIT = 32_000_000
_STRICT = ConfigDict(extra="forbid", strict=True)


class InvalidRequestError(Exception):
    """The request is not one that the real service takes."""


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return a validator for a list of a provider's TypedDict, which alone takes no settings."""
    return TypeAdapter(list[kind], config=_STRICT)


async def read(request: Request, validator: TypeAdapter[Any]) -> dict[str, Any]:
    """Read a JSON body that fits.

    Raises:
        InvalidRequestError: it does not; its message says where.
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
        _drain(validator.validate_python([body]))
    except ValidationError as exc:
        first = exc.errors()[0]
        raise InvalidRequestError(f"{first['loc'][1:]}: {first['msg']}") from exc
    return body


def _drain(value: Any) -> None:
    """Walk what was validated: Pydantic checks an Iterable's items when they are taken."""
    if isinstance(value, dict):
        for one in value.values():
            _drain(one)
    elif value is not None and not isinstance(value, str | int | float | bool | bytes):
        for one in value:
            _drain(one)


def check_schema(schema: dict[str, Any]) -> None:
    """Refuse what structured outputs of both providers refuse.

    Raises:
        InvalidRequestError: an object allows other members, or does not require all of its own.
    """
    if schema.get("type") == "object":
        members = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            raise InvalidRequestError("'additionalProperties' is required to be false")
        if set(schema.get("required", ())) != set(members):
            raise InvalidRequestError("'required' must name every property")
        for one in members.values():
            check_schema(one)
    if schema.get("type") == "array":
        check_schema(schema["items"])
