"""A command is run: however it ends, a row says so and the money is right."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import replace

import pytest

from kova.adapters.memory.model import Silence, Step, complete
from kova.commands.command import Citation, Command, CommandRequest, ReviewFinding
from kova.models.outcome import Outcome
from kova.models.ports import Began, Finish, Piece
from kova.models.price import max_tokens
from kova.models.prompt import Prompt
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.shared import exceptions
from kova.shared.exceptions import KovaError
from tests.support.commands import ERROR, INFO, NAME, SECRET, CommandDesk
from tests.support.models import PRICE, answer_json, counted
from tests.support.subjects import SOMEBODY, subject

GOOD = complete(answer_json("Because."))
QUOTE = {"path": "app.py", "start_line": 5, "end_line": 5, "quote": "return serve(port)"}


async def run(desk: CommandDesk, /, **fields: object) -> Command:
    request = CommandRequest(**{"command": "why?", **fields})  # type: ignore[arg-type]
    return await desk.run.run_command(desk.run.begin(request, SOMEBODY))


async def fail(desk: CommandDesk, /, **fields: object) -> tuple[Command, Exception]:
    """Run a command that fails, and return its row and the error."""
    request = CommandRequest(**{"command": "why?", **fields})  # type: ignore[arg-type]
    command = desk.run.begin(request, SOMEBODY)
    with pytest.raises(Exception) as failure:
        await desk.run.run_command(command)
    row = await desk.commands.get(command.id)
    assert row is not None
    return row, failure.value


async def prompt_of(command: str) -> Prompt:
    """Return the prompt that a command makes."""
    desk = CommandDesk(openai=[GOOD])
    await run(desk, command=command)
    return desk.models[Provider.OPENAI].prompts[0]


async def test_an_answer_is_recorded_with_its_cost_and_its_citations_checked() -> None:
    usage = TokenUsage(input_tokens=100, output_tokens=20)
    wrong = {**QUOTE, "quote": "return nothing()"}
    desk = CommandDesk(openai=[complete(answer_json("See.", QUOTE, wrong), usage=usage)])
    command = await run(desk, repository=NAME, path="app.py")
    assert command.outcome is Outcome.OK
    assert command.answer is not None
    assert command.answer.citations == (Citation(path="app.py", start_line=5, end_line=5),)
    assert command.answer.dropped == 1
    assert (command.provider, command.model) == (Provider.OPENAI, "openai-model")
    assert command.usage == usage
    assert command.cost_usd == desk.budget.spent() > 0
    assert await desk.commands.get(command.id) == command
    assert counted(desk.meter, "kova_ai_commands_total", outcome="ok", task="analyze") == 1


async def test_the_same_command_again_is_cached_and_free() -> None:
    desk = CommandDesk(openai=[GOOD])
    first = await run(desk)
    spent = desk.budget.spent()
    second = await run(desk)
    assert (first.cached, second.cached) == (False, True)
    assert second.answer == first.answer
    assert (second.cost_usd, desk.budget.spent()) == (0, spent)
    assert second.id != first.id
    assert len(desk.prompts()) == 1
    assert counted(desk.meter, "kova_ai_cache_requests_total", result="hit") == 1


async def test_an_answer_of_the_fallback_is_cached_too() -> None:
    desk = CommandDesk(anthropic=[GOOD])
    assert (await run(desk)).fallback
    assert (await run(desk)).cached


async def test_another_task_or_another_context_is_not_cached() -> None:
    desk = CommandDesk(openai=[GOOD] * 3)
    await run(desk, task=Task.ANALYZE)
    assert not (await run(desk, task=Task.GENERATE)).cached
    assert not (await run(desk, task=Task.ANALYZE, code="x = 1")).cached


async def test_a_session_carries_its_turns_and_belongs_to_its_key() -> None:
    desk = CommandDesk(openai=[complete(answer_json("Forty-two.")), GOOD])
    first = desk.run.begin(CommandRequest(command="what is it?"), subject("mine"))
    session_id = (await desk.run.run_command(first)).session_id
    assert session_id is not None
    request = CommandRequest(command="and why?", session_id=session_id)
    await desk.run.run_command(desk.run.begin(request, subject("mine")))
    messages = [message.text for message in desk.models[Provider.OPENAI].prompts[1].messages]
    assert messages == ["Question:\nwhat is it?", "Forty-two.", "Question:\nand why?"]
    stranger = desk.run.begin(request, subject("theirs"))
    with pytest.raises(exceptions.NotFoundError):
        await desk.run.run_command(stranger)
    row = await desk.commands.get(stranger.id)
    assert row is not None
    assert row.outcome is Outcome.NO_CONTEXT


@pytest.mark.parametrize("with_redis", [True, False])
async def test_without_redis_a_command_is_answered_without_a_session(with_redis: bool) -> None:
    desk = CommandDesk(openai=[GOOD, GOOD], with_redis=with_redis)
    desk.cache.available = desk.sessions.available = False
    command = await run(desk, session_id=str(uuid.uuid4()))
    assert (command.outcome, command.session_id) == (Outcome.OK, None)
    assert not (await run(desk)).cached
    assert len(desk.prompts()) == 2


async def test_a_redis_that_comes_back_in_the_middle_does_not_begin_a_half_session() -> None:
    desk = CommandDesk(openai=[GOOD])
    session_id = str(uuid.uuid4())
    await desk.sessions.open(session_id, "")
    desk.sessions.available = False

    async def listen(_: str | None) -> None:
        desk.sessions.available = True

    request = CommandRequest(command="why?", session_id=session_id)
    command = await desk.run.run_command(desk.run.begin(request, SOMEBODY), listen)
    assert command.session_id is None
    assert await desk.sessions.open(session_id, "") == ()


@pytest.mark.parametrize(
    ("reply", "outcome", "error"),
    [
        (complete("", finish=Finish.REFUSAL), Outcome.REFUSAL, exceptions.AiRefusalError),
        (complete("x", finish=Finish.LENGTH), Outcome.TRUNCATED, exceptions.AiTruncatedError),
        (complete("  "), Outcome.EMPTY, exceptions.AiEmptyError),
        (complete("so what"), Outcome.NOT_JSON, exceptions.AiNotJsonError),
        (complete("[]"), Outcome.WRONG_SHAPE, exceptions.AiWrongShapeError),
        (complete(answer_json("a\0b")), Outcome.NUL, exceptions.AiNulError),
        ([Began(), Piece(text="{")], Outcome.CUT, exceptions.AiCutError),
        ([exceptions.ModelTimeoutError()], Outcome.TIMEOUT, exceptions.AiTimeoutError),
        ([exceptions.ModelUnavailableError()], Outcome.UNAVAILABLE, exceptions.AiUnavailableError),
        (
            [exceptions.ModelMisconfiguredError()],
            Outcome.MISCONFIGURED,
            exceptions.AiMisconfiguredError,
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Outcome) else "",
)
async def test_every_failure_of_a_model_has_its_outcome_and_its_error(
    reply: list[Step], outcome: Outcome, error: type[KovaError]
) -> None:
    desk = CommandDesk(openai=[reply] * 2)
    row, raised = await fail(desk, provider=Provider.OPENAI)
    assert type(raised) is error
    assert (row.outcome, row.detail, row.answer) == (outcome, raised.message, None)
    assert row.cost_usd == desk.budget.spent()
    assert desk.budget.reserved() == 0
    assert desk.cache._answers == {}


@pytest.mark.parametrize(("asked_for", "seconds"), [(1.0, 5), (31.4, 31)])
async def test_an_outage_says_when_to_try_again(asked_for: float, seconds: int) -> None:
    busy: list[Step] = [exceptions.ModelRateLimitedError(retry_after=asked_for)]
    _, raised = await fail(CommandDesk(openai=[busy] * 2), provider=Provider.OPENAI)
    assert isinstance(raised, exceptions.AiUnavailableError)
    assert raised.data == {"retry_after": seconds}


async def test_without_a_provider_nothing_is_asked_and_the_row_says_so() -> None:
    desk = CommandDesk(configured=())
    row, raised = await fail(desk)
    assert isinstance(raised, exceptions.AiNotConfiguredError)
    assert (row.outcome, row.cost_usd) == (Outcome.NOT_CONFIGURED, 0)


async def test_a_requested_provider_that_is_not_configured_is_not_replaced() -> None:
    desk = CommandDesk(openai=[GOOD], configured=(Provider.OPENAI,))
    row, _ = await fail(desk, provider=Provider.ANTHROPIC)
    assert row.outcome is Outcome.NOT_CONFIGURED
    assert desk.prompts() == []


async def test_an_exhausted_budget_asks_no_model_but_a_cached_answer_is_still_given() -> None:
    prompt = await prompt_of("why?")
    cap = PRICE.cost(max_tokens(prompt.size, prompt.max_output_tokens))
    desk = CommandDesk(openai=[GOOD, GOOD], cap=cap)
    await run(desk)
    assert (await run(desk)).cached
    row, raised = await fail(desk, command="how?")
    assert isinstance(raised, exceptions.BudgetExhaustedError)
    assert (row.outcome, row.cost_usd) == (Outcome.BUDGET_EXHAUSTED, 0)
    assert len(desk.prompts()) == 1


async def test_a_context_that_is_not_there_costs_nothing() -> None:
    desk = CommandDesk(openai=[GOOD])
    row, raised = await fail(desk, repository=NAME, path="no.py")
    assert isinstance(raised, exceptions.NotFoundError)
    assert (row.outcome, row.detail) == (Outcome.NO_CONTEXT, raised.message)
    assert desk.prompts() == []


async def test_a_caller_that_leaves_is_recorded_as_cancelled_and_pays_for_what_was_used() -> None:
    desk = CommandDesk(openai=[[Began(input_tokens=40), Piece(text="{"), Silence.FOR_EVER]])
    command = desk.run.begin(CommandRequest(command="why?"), SOMEBODY)
    heard = asyncio.Event()

    async def listen(_: str | None) -> None:
        heard.set()

    task = asyncio.ensure_future(desk.run.run_command(command, listen))
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    row = await desk.commands.get(command.id)
    assert row is not None
    assert row.outcome is Outcome.CANCELLED
    assert row.cost_usd == desk.budget.spent() > 0
    assert desk.budget.reserved() == 0


async def test_a_fault_of_our_own_is_recorded_by_its_kind_and_raised_as_it_is() -> None:
    desk = CommandDesk(openai=[GOOD])

    async def listen(_: str | None) -> None:
        raise ZeroDivisionError("secret detail")

    command = desk.run.begin(CommandRequest(command="why?"), SOMEBODY)
    with pytest.raises(ZeroDivisionError):
        await desk.run.run_command(command, listen)
    row = await desk.commands.get(command.id)
    assert row is not None
    assert (row.outcome, row.detail) == (Outcome.FAILED, "ZeroDivisionError")
    assert desk.budget.reserved() == 0


async def test_without_the_database_the_answer_is_not_given_for_free() -> None:
    desk = CommandDesk(openai=[GOOD])
    desk.commands.available = False
    with pytest.raises(exceptions.DatabaseUnavailableError):
        await run(desk)
    assert desk.budget.spent() > 0


async def test_secrets_reach_no_model_no_row_and_no_answer() -> None:
    token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
    desk = CommandDesk(openai=[complete(answer_json(f"It is {SECRET}, {token}."))])
    command = await run(
        desk, command=f"use {token}", code=f"x = '{SECRET}'", repository=NAME, path="settings.py"
    )
    texts = repr((desk.prompts(), command, desk.commands.all()))
    assert SECRET not in texts
    assert token not in texts
    assert command.answer is not None
    assert command.answer.output == "It is [redacted], [redacted]."


async def test_the_markup_of_an_answer_is_harmless() -> None:
    desk = CommandDesk(openai=[complete(answer_json("<img src=x> ![p](https://x/p.png)"))])
    command = await run(desk)
    assert command.answer is not None
    assert "<img" not in command.answer.output
    assert "![" not in command.answer.output


async def test_a_command_about_an_error_is_paid_by_its_repository() -> None:
    await (desk := CommandDesk(openai=[GOOD])).repositories.save(INFO)
    command = await run(desk, error_id=ERROR.id)
    assert command.request.repository == NAME
    (row,) = desk.commands.all()
    assert row.request.repository == NAME
    assert "The port is not checked." in desk.prompts()[0]


async def test_a_review_shows_new_findings_at_changed_lines_alone() -> None:
    changed = {
        **QUOTE,
        "quote": "return serve('any-host', port)",
        "severity": "high",
        "message": "It listens everywhere.",
    }
    unchanged = {**changed, "start_line": 1, "end_line": 1, "quote": "import os"}
    reply = json.dumps({"answer": "One remark.", "findings": [changed, unchanged]})
    desk = CommandDesk(anthropic=[complete(reply)])
    command = await run(desk, repository=NAME, pull_request=5)
    assert command.task is Task.REVIEW
    assert command.answer is not None
    assert command.answer.findings == (
        ReviewFinding(
            path="app.py",
            start_line=5,
            end_line=5,
            severity="high",
            message="It listens everywhere.",
        ),
    )
    assert command.answer.dropped == 1


async def test_a_review_repeats_no_finding_of_the_analysers() -> None:
    repeated = {
        **QUOTE,
        "quote": "return serve('any-host', port)",
        "severity": "high",
        "message": "The port is not checked.",
    }
    reply = json.dumps({"answer": "One remark.", "findings": [repeated]})
    desk = CommandDesk(anthropic=[complete(reply)])
    await desk.repositories.save(INFO)
    command = await run(desk, repository=NAME, pull_request=5)
    assert command.answer is not None
    assert (command.answer.findings, command.answer.dropped) == ((), 1)


async def test_a_command_that_is_run_twice_keeps_its_first_end() -> None:
    desk = CommandDesk(openai=[GOOD, complete("nonsense")])
    command = desk.run.begin(CommandRequest(command="why?", provider=Provider.OPENAI), SOMEBODY)
    first = await desk.run.run_command(command)
    different = replace(command, request=replace(command.request, command="how?"))
    with pytest.raises(exceptions.AiNotJsonError):
        await desk.run.run_command(different)
    assert await desk.commands.get(command.id) == first
