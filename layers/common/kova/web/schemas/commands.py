"""The JSON of /ai/command."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field

from kova.commands.command import (
    CODE_LIMIT,
    COMMAND_LIMIT,
    DEFAULT_OUTPUT_TOKENS,
    LEAST_OUTPUT_TOKENS,
    MOST_OUTPUT_TOKENS,
    Command,
    CommandRequest,
)
from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.shared.repository import FULL_NAME_PATTERN, PATH_PATTERN, REF_LIMIT, REF_PATTERN
from kova.web.schemas.base import Request, View


def _code(code: str) -> str:
    if len(code.encode("utf-8", "replace")) > CODE_LIMIT:
        raise ValueError(f"longer than {CODE_LIMIT} bytes")
    return code


def _whole(value: object) -> object:
    """Return 7 for 7.0, as JSON Schema reads it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WHOLE = BeforeValidator(_whole)


class CommandBody(Request):
    """POST /ai/command."""

    command: Annotated[
        str,
        Field(
            min_length=1,
            max_length=COMMAND_LIMIT,
            pattern=r"\S",
            examples=["Why does the retry in net/retry.py never end?"],
        ),
    ]
    task: Literal["auto", "generate", "analyze", "review", "suggest"] = "auto"
    repository: Annotated[str, Field(pattern=FULL_NAME_PATTERN)] | None = None
    ref: Annotated[str, Field(pattern=REF_PATTERN, max_length=REF_LIMIT)] | None = None
    path: Annotated[str, Field(pattern=PATH_PATTERN, max_length=4096)] | None = None
    code: Annotated[str, Field(max_length=CODE_LIMIT), AfterValidator(_code)] | None = None
    error_id: Annotated[str, Field(max_length=64)] | None = None
    session_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    pull_request: Annotated[int, Field(ge=1, le=2**31 - 1), _WHOLE] | None = None
    provider: Literal["auto", "openai", "anthropic"] = "auto"
    max_output_tokens: Annotated[
        int, Field(ge=LEAST_OUTPUT_TOKENS, le=MOST_OUTPUT_TOKENS), _WHOLE
    ] = DEFAULT_OUTPUT_TOKENS

    def request(self) -> CommandRequest:
        """Return it in the domain's words."""
        fields = self.model_dump(exclude={"task", "provider"})
        return CommandRequest(
            **fields,
            task=None if self.task == "auto" else Task(self.task),
            provider=None if self.provider == "auto" else Provider(self.provider),
        )


class CitationView(View):
    """Lines that the answer rests on."""

    path: str
    start_line: int
    end_line: int


class ReviewFindingView(CitationView):
    """A remark at changed lines of a pull request."""

    severity: str
    message: str


class CommandUsageView(View):
    """What the answer took."""

    input_tokens: int
    output_tokens: int
    cost_usd: float


class AnswerView(View):
    """The answer to a command."""

    id: str
    task: Task
    provider: Provider | None
    model: str | None
    output: str | None
    citations: list[CitationView]
    findings: list[ReviewFindingView]
    dropped: int
    usage: CommandUsageView
    cached: bool
    fallback: bool
    session_id: str | None
    duration_ms: int | None
    outcome: Outcome

    @classmethod
    def of(cls, command: Command) -> Self:
        """Show a command."""
        return cls.model_validate(fields_of(command))


class CommandView(AnswerView):
    """A command as the ledger has it."""

    command: str
    repository: str | None
    path: str | None
    error_id: str | None
    pull_request: int | None
    detail: str | None
    created_at: datetime

    @classmethod
    def of(cls, command: Command) -> Self:
        """Show a command."""
        request = command.request
        request_fields = {
            "command": request.command,
            "repository": request.repository,
            "path": request.path,
            "error_id": request.error_id,
            "pull_request": request.pull_request,
            "detail": command.detail,
            "created_at": command.created_at,
        }
        return cls.model_validate({**fields_of(command), **request_fields})


def fields_of(command: Command) -> dict[str, object]:
    """Return what the answer and the ledger's view share."""
    answer = command.answer
    return {
        "id": command.id,
        "task": command.task,
        "provider": command.provider,
        "model": command.model,
        "output": answer.output if answer else None,
        "citations": [citation.__dict__ for citation in answer.citations] if answer else [],
        "findings": [finding.__dict__ for finding in answer.findings] if answer else [],
        "dropped": answer.dropped if answer else 0,
        "usage": {
            "input_tokens": command.usage.input_tokens,
            "output_tokens": command.usage.output_tokens,
            "cost_usd": float(command.cost_usd),
        },
        "cached": command.cached,
        "fallback": command.fallback,
        "session_id": command.session_id,
        "duration_ms": command.duration_ms,
        "outcome": command.outcome,
    }


class QueuedCommand(View):
    """A command that is answered later."""

    id: str
    status: Outcome
    task: Task
