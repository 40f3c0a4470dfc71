"""The request bodies of GitHub's API; unknown keys and other types are refused."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request

from kova_fakes.github.errors import ApiError, invalid_request

Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
_LIMIT = 40_000_000


class RequestBody(BaseModel):
    """A body that allows no other keys."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AnnotationBody(RequestBody):
    """One annotation of a check run."""

    path: str
    start_line: int
    end_line: int
    start_column: int | None = None
    end_column: int | None = None
    annotation_level: Literal["notice", "warning", "failure"]
    message: Annotated[str, Field(max_length=65_536)]
    title: Annotated[str, Field(max_length=255)] | None = None
    raw_details: Annotated[str, Field(max_length=65_536)] | None = None

    @model_validator(mode="after")
    def _columns_on_one_line(self) -> Self:
        if self.start_column is not None and self.start_line != self.end_line:
            raise ValueError("start_column is not permitted when start_line and end_line differ")
        if self.end_line < self.start_line or self.start_line < 1:
            raise ValueError("end_line must not be before start_line")
        return self


class OutputBody(RequestBody):
    """A check run's output."""

    title: str | None = None
    summary: Annotated[str, Field(max_length=65_535)]
    text: Annotated[str, Field(max_length=65_535)] | None = None
    annotations: Annotated[list[AnnotationBody], Field(max_length=50)] = []


class ActionBody(RequestBody):
    """A button of a check run."""

    label: Annotated[str, Field(max_length=20)]
    description: Annotated[str, Field(max_length=40)]
    identifier: Annotated[str, Field(max_length=20)]


Conclusion = Literal[
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"
]


class CheckRunUpdate(RequestBody):
    """PATCH check-runs."""

    name: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    started_at: str | None = None
    status: Literal["queued", "in_progress", "completed"] | None = None
    conclusion: Conclusion | None = None
    completed_at: str | None = None
    output: OutputBody | None = None
    actions: Annotated[list[ActionBody], Field(max_length=3)] | None = None

    @model_validator(mode="after")
    def _completed_needs_conclusion(self) -> Self:
        if self.status == "completed" and self.conclusion is None:
            raise ValueError("conclusion is required when status is completed")
        for moment in (self.started_at, self.completed_at):
            if moment is not None:
                datetime.fromisoformat(moment)
        return self


class CheckRunCreate(CheckRunUpdate):
    """POST check-runs."""

    name: str
    head_sha: Sha

    @model_validator(mode="after")
    def _output_needs_title(self) -> Self:
        if self.output is not None and not self.output.title:
            raise ValueError("output.title is required")
        return self


class StatusBody(RequestBody):
    """POST statuses."""

    state: Literal["error", "failure", "pending", "success"]
    target_url: str | None = None
    description: Annotated[str, Field(max_length=140)] | None = None
    context: str = "default"


class BlobBody(RequestBody):
    """POST git/blobs."""

    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"


class TreeEntry(RequestBody):
    """One entry of POST git/trees."""

    path: str
    mode: Literal["100644", "100755", "040000", "160000", "120000"]
    type: Literal["blob", "tree", "commit"]
    sha: Sha | None = None
    content: str | None = None


class TreeBody(RequestBody):
    """POST git/trees."""

    tree: Annotated[list[TreeEntry], Field(min_length=1)]
    base_tree: Sha | None = None


class PersonBody(RequestBody):
    """Author or committer of POST git/commits."""

    name: str
    email: str
    date: str | None = None


class CommitBody(RequestBody):
    """POST git/commits."""

    message: str
    tree: Sha
    parents: list[Sha] = []
    author: PersonBody | None = None
    committer: PersonBody | None = None
    signature: str | None = None


class RefBody(RequestBody):
    """POST git/refs."""

    ref: Annotated[str, Field(pattern=r"^refs/[^/]+/.+")]
    sha: Sha


class RefUpdate(RequestBody):
    """PATCH git/refs."""

    sha: Sha
    force: bool = False


class PullBody(RequestBody):
    """POST pulls."""

    title: Annotated[str, Field(max_length=256)]
    head: str
    base: str
    body: Annotated[str, Field(max_length=65_536)] | None = None
    head_repo: str | None = None
    maintainer_can_modify: bool = True
    draft: bool = False
    issue: int | None = None


class PullUpdate(RequestBody):
    """PATCH pulls."""

    title: Annotated[str, Field(max_length=256)] | None = None
    body: Annotated[str, Field(max_length=65_536)] | None = None
    state: Literal["open", "closed"] | None = None
    base: str | None = None
    maintainer_can_modify: bool | None = None


class CommentBody(RequestBody):
    """POST and PATCH comments."""

    body: Annotated[str, Field(min_length=1, max_length=65_536)]


Model = TypeVar("Model", bound=RequestBody)


async def read(request: Request, model: type[Model]) -> Model:
    """Return a request's body; raise the error of GitHub if it is not valid."""
    return check(await read_json(request), model)


async def read_json(request: Request) -> Any:
    """Return the JSON of a request; raise an error if it is too large or malformed."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LIMIT:
            raise ApiError(413, "Payload too large")
        parts.append(part)
    try:
        return json.loads(b"".join(parts).decode())
    except (ValueError, RecursionError) as exc:
        raise ApiError(400, "Problems parsing JSON") from exc


def check(content: Any, model: type[Model]) -> Model:
    """Return the content as a model; raise the error of GitHub if it does not fit."""
    if not isinstance(content, dict):
        raise invalid_request("For 'links/0/schema', the body is not an object.")
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        raise invalid_request("\n".join(_problem(error) for error in exc.errors())) from exc


def _problem(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f'"{place}" is not a permitted key.'
    if error["type"] == "missing":
        return f'"{place}" wasn\'t supplied.'
    return f"For '{place}', {error['msg']}."
