"""Commands to the models: ask at once, streamed or later; look at what was asked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.shared.exceptions import KovaError, NotFoundError
from kova.web.ai_stream import EVENT_STREAM, ClientLeftError, stream_answer, unless_gone
from kova.web.dependencies import Commands, PageQuery, PathId, encode_cursor
from kova.web.keyed_route import KeyedRouter, KeyNeeded, KeyNeededOnce
from kova.web.problem_table import describe, problem_body
from kova.web.responses import READS, WRITES, problems
from kova.web.schemas.base import ListOf
from kova.web.schemas.commands import AnswerView, CommandBody, CommandView, QueuedCommand

router = KeyedRouter(tags=["ai"])
AiSubject = Annotated[Subject, Depends(KeyNeeded(Scope.AI))]
_CLIENT_LEFT = 499  # nginx's word for it; nobody reads this answer.


@router.post(
    "/ai/command",
    response_model=AnswerView | QueuedCommand,
    responses=WRITES | problems(404, 502) | {202: {"model": QueuedCommand}},
)
async def command(  # noqa: PLR0917 (the request's parts)
    body: CommandBody,
    subject: Annotated[Subject, Depends(KeyNeededOnce(Scope.AI))],
    commands: Commands,
    request: Request,
    response: Response,
    prefer: Annotated[str, Header()] = "",
    accept: Annotated[str, Header()] = "",
) -> AnswerView | QueuedCommand | Response:
    """Ask a model about code; what it cites is compared with the files before it is shown."""
    if _wants_later(prefer):
        queued = await commands.request.request(body.request(), subject)
        response.status_code = 202
        response.headers["Location"] = f"/ai/commands/{queued.id}"
        response.headers["Preference-Applied"] = "respond-async"
        return QueuedCommand(id=queued.id, status=queued.outcome, task=queued.task)
    run = commands.run
    command_row = run.begin(body.request(), subject)
    if EVENT_STREAM in accept.lower():
        request_id = getattr(request.state, "request_id", "")
        return stream_answer(
            run,
            command_row,
            on_answer=lambda answered: AnswerView.of(answered).model_dump(mode="json"),
            on_problem=lambda error: _problem(error, request_id),
        )
    try:
        return AnswerView.of(await unless_gone(request, run.run_command(command_row)))
    except ClientLeftError:
        return Response(status_code=_CLIENT_LEFT)


def _problem(error: KovaError, request_id: str) -> dict[str, Any]:
    status, title = describe(error)
    return problem_body(
        status=status,
        title=title,
        detail=error.message,
        reason=error.reason,
        request_id=request_id,
    )


def _wants_later(prefer: str) -> bool:
    """Tell whether `Prefer` holds respond-async (RFC 7240)."""
    preferences = (preference.partition(";")[0].strip().lower() for preference in prefer.split(","))
    return "respond-async" in preferences


@router.get("/ai/commands", responses=READS)
async def list_commands(
    page: PageQuery, subject: AiSubject, commands: Commands
) -> ListOf[CommandView]:
    """List the key's commands, newest first; a key with the scope admin sees everybody's."""
    commands_page = await commands.commands.page(page, subject)
    return ListOf(
        items=[CommandView.of(row) for row in commands_page.items],
        next_cursor=encode_cursor(commands_page.next),
    )


@router.get("/ai/commands/{command_id}", responses=READS | problems(404))
async def get_command(command_id: PathId, subject: AiSubject, commands: Commands) -> CommandView:
    """Show one command."""
    row = await commands.commands.find(command_id, subject)
    if row is None:
        raise NotFoundError("There is no such command.")
    return CommandView.of(row)
