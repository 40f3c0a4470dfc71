"""What all requests and answers share: bodies, pages of lists, problems."""

from __future__ import annotations

import warnings
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.warnings import UnsupportedFieldAttributeWarning

Member = TypeVar("Member")

# FastAPI ignores it too, but only while it makes the routes; validators of bodies are built later.
warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)


class View(BaseModel):
    """JSON that is read or written. Its validator is built at the first use, to start sooner."""

    model_config = ConfigDict(defer_build=True)


class Request(View):
    """A request body: unknown fields are refused, and no type is guessed."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ListOf(View, Generic[Member]):
    """One page of a list."""

    items: list[Member]
    next_cursor: str | None


class FieldProblem(View):
    """What is wrong with one field."""

    loc: list[str]
    msg: str


class Problem(View):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    request_id: str
    errors: list[FieldProblem] | None = None
