"""Ask a model about code, and look at what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response

from kova.access.api_key import Scope
from kova.commands.command import COMMAND_LIMIT, Command, CommandRequest
from kova.shared.exceptions import InvalidInputError, KovaError, NotFoundError
from kova.shared.page import PageRequest
from kova.shared.repository import check_full_name
from kova.web.ai_stream import EVENT_STREAM, stream_answer
from kova.web.dashboard.code import answer_blocks
from kova.web.dashboard.dependencies import Asker, Pages
from kova.web.dashboard.forms import BrowserForm, OwnForm
from kova.web.dashboard.render import render, show
from kova.web.dependencies import Commands, PathId
from kova.web.pages.session import SignedIn
from kova.web.problem_table import describe, problem_headers, retry_header
from kova.web.services import CommandServices, PageServices

if TYPE_CHECKING:
    from kova.commands.run_command import RunCommand

router = APIRouter(include_in_schema=False)
_SHOWN: Final = 20


@router.get("/ui/ask")
async def show_form(  # noqa: PLR0917 (the capabilities)
    request: Request,
    asker: Asker,
    pages: Pages,
    commands: Commands,
    error: Annotated[str, Query(max_length=64)] = "",
    repository: Annotated[str, Query(max_length=140)] = "",
) -> Response:
    """Show the form, and what was asked before."""
    values = await _values(asker, pages, commands)
    values |= {"error_id": error, "repository": repository}
    return show(request, "ask.html", asker, now=pages.now(), values=values)


@router.post("/ui/ask")
async def ask(  # noqa: PLR0917 (the capabilities)
    request: Request,
    asker: Asker,
    pages: Pages,
    commands: Commands,
    form: OwnForm,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Ask and show the answer, or why there is none; a script of ours takes it as it arrives."""
    values, status, headers = await _values(asker, pages, commands), 200, {}
    values |= {
        "question": form.text("question"),
        "repository": form.text("repository"),
        "path": form.text("path"),
        "error_id": form.text("error_id"),
    }
    try:
        run = commands.run
        command = run.begin(_command(form), asker.subject)
        if EVENT_STREAM in accept.lower():
            return _stream(run, command, asker, pages)
        answer = await run.run_command(command)
        values |= _answer_values(answer, pages)
    except KovaError as exc:
        status, _ = describe(exc)
        headers = problem_headers(status) | retry_header(exc)
        values["problem"] = exc.message
    response = show(request, "ask.html", asker, now=pages.now(), values=values, status=status)
    response.headers.update(headers)
    return response


@router.get("/ui/ask/{command_id}")
async def show_answer(
    request: Request, command_id: PathId, asker: Asker, pages: Pages, commands: Commands
) -> Response:
    """Show what somebody asked, and the answer."""
    command = await commands.commands.find(command_id, asker.subject)
    if command is None:
        raise NotFoundError("There is no such question.")
    values = await _values(asker, pages, commands)
    values |= _answer_values(command, pages)
    return show(request, "ask.html", asker, now=pages.now(), values=values)


def _stream(run: RunCommand, command: Command, asker: SignedIn, pages: PageServices) -> Response:
    """Return the answer as events; the last one is the part of the page that stays."""

    def on_answer(answered: Command) -> dict[str, Any]:
        values = _answer_values(answered, pages)
        path = f"/ui/ask/{answered.id}"
        page = render("answer.html", asker, path=path, now=pages.now(), values=values)
        return {"html": page.body.decode(), "address": path}

    def on_problem(error: KovaError) -> dict[str, Any]:
        return {"detail": error.message}

    return stream_answer(run, command, on_answer=on_answer, on_problem=on_problem)


async def _values(
    asker: SignedIn, pages: PageServices, commands: CommandServices
) -> dict[str, Any]:
    page = await commands.commands.page(PageRequest(limit=_SHOWN), asker.subject)
    return {
        "title": "Ask",
        "can_ask": pages.can_ask,
        "question": "",
        "repository": "",
        "path": "",
        "error_id": "",
        "problem": None,
        "answer": None,
        "commands": page.items,
        "everybody": Scope.ADMIN in asker.subject.scopes,
        "first": None,
        "next": None,
        "github": pages.github_web,
    }


def _answer_values(command: Command, pages: PageServices) -> dict[str, Any]:
    blocks = answer_blocks(command.answer.output) if command.answer else []
    return {
        "answer": command,
        "answer_blocks": blocks,
        "github": pages.github_web,
        "repository": command.request.repository or "",
    }


def _command(form: BrowserForm) -> CommandRequest:
    question, repository = form.text("question"), form.text("repository")
    if not 1 <= len(question) <= COMMAND_LIMIT:
        raise InvalidInputError(f"A question has 1 to {COMMAND_LIMIT:,} characters.")
    return CommandRequest(
        command=question,
        repository=check_full_name(repository) if repository else None,
        path=form.text("path") or None,
        error_id=form.text("error_id") or None,
    )
