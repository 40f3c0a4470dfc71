"""What all requests and answers share: bodies, pages of lists, problems."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import Annotated, Final, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.warnings import UnsupportedFieldAttributeWarning

Member = TypeVar("Member")
_LATEST_YEAR: Final = 9998

# FastAPI ignores it too, but only while it makes the routes; validators of bodies are built later.
warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)


def _to_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; in every time zone it is one that Python can hold."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None
    if not 1 < moment.year <= _LATEST_YEAR:
        raise ValueError(f"not in the years 2 to {_LATEST_YEAR}")
    return moment


Moment = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_to_utc)]
"""A moment that comes in, with a time zone; UTC from here on."""


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
