"""What all requests and answers share: bodies, pages of lists, problems."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Member = TypeVar("Member")


class View(BaseModel):
    """What an answer holds. Its validator is built at the first use, to start sooner."""

    model_config = ConfigDict(defer_build=True)


class Request(BaseModel):
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
