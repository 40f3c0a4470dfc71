"""A command is queued, and a queued command is run once."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.commands import MemoryCommandStore
from kova.adapters.memory.model import Silence, complete
from kova.commands.command import Command, CommandRequest
from kova.commands.message import decode_command_message
from kova.commands.request_command import FinishCommand, RequestCommand
from kova.models.outcome import Outcome
from kova.models.ports import Began, Piece
from kova.models.provider import Provider
from kova.shared.exceptions import BusyError, DatabaseUnavailableError, QueueUnavailableError
from tests.support.commands import SECRET, CommandDesk
from tests.support.models import answer_json
from tests.support.subjects import SOMEBODY, subject

GOOD = complete(answer_json("Because."))
ASK = CommandRequest(command=f"why {SECRET}?", provider=Provider.OPENAI)


def use_cases(desk: CommandDesk) -> tuple[RequestCommand, FinishCommand]:
    return (
        RequestCommand(run=desk.run, commands=desk.commands, queue=desk.queue),
        FinishCommand(run=desk.run, commands=desk.commands),
    )


async def stored(desk: CommandDesk, command_id: str) -> Command:
    command = await desk.commands.get(command_id)
    assert command is not None
    return command


async def test_a_command_is_recorded_without_secrets_and_queued() -> None:
    desk = CommandDesk()
    request, _ = use_cases(desk)
    command = await request.request(ASK, subject("key-id"))
    row = await stored(desk, command.id)
    assert (row.outcome, row.api_key_id) == (Outcome.QUEUED, "key-id")
    assert row.request.command == "why [redacted]?"
    assert [decode_command_message(message) for message in desk.queue.messages] == [command.id]


async def test_a_queue_that_refuses_leaves_no_command_queued() -> None:
    desk = CommandDesk()
    desk.queue.available = False
    with pytest.raises(QueueUnavailableError):
        await use_cases(desk)[0].request(ASK, SOMEBODY)
    (row,) = desk.commands.all()
    assert (row.outcome, row.detail) == (Outcome.FAILED, "queue_unavailable")


async def test_without_the_database_nothing_is_queued() -> None:
    desk = CommandDesk()
    desk.commands.available = False
    with pytest.raises(DatabaseUnavailableError):
        await use_cases(desk)[0].request(ASK, SOMEBODY)
    assert desk.queue.messages == []


async def test_a_queued_command_is_answered_once_however_often_its_message_comes() -> None:
    desk = CommandDesk(openai=[GOOD, complete(answer_json("Otherwise."))])
    request, finish = use_cases(desk)
    command = await request.request(ASK, SOMEBODY)
    for _ in range(3):
        await finish.finish(command.id)
    row = await stored(desk, command.id)
    assert row.answer is not None
    assert row.answer.output == "Because."
    assert len(desk.prompts()) == 1


async def test_a_command_that_does_not_exist_is_done() -> None:
    await use_cases(CommandDesk())[1].finish(str(uuid.uuid4()))


async def test_a_failure_that_was_recorded_is_not_tried_again() -> None:
    desk = CommandDesk(openai=[complete("no json"), GOOD])
    request, finish = use_cases(desk)
    command = await request.request(ASK, SOMEBODY)
    await finish.finish(command.id)
    await finish.finish(command.id)
    assert (await stored(desk, command.id)).outcome is Outcome.NOT_JSON
    assert len(desk.prompts()) == 1


async def test_an_answer_that_could_not_be_recorded_is_recorded_later_and_not_paid_for_twice() -> (
    None
):
    def lose_database() -> None:
        desk.commands.available = False

    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    desk = CommandDesk(
        openai=[[lose_database, *GOOD]], clock=clock, commands=MemoryCommandStore(clock)
    )
    request, finish = use_cases(desk)
    command = await request.request(ASK, SOMEBODY)
    with pytest.raises(DatabaseUnavailableError):
        await finish.finish(command.id)
    desk.commands.available = True
    spent = desk.budget.spent()
    with pytest.raises(BusyError) as failure:
        await finish.finish(command.id)
    assert failure.value.data["retry_after"] == pytest.approx(60, abs=0.1)
    clock.advance(desk.run.lease)
    await finish.finish(command.id)
    row = await stored(desk, command.id)
    assert (row.outcome, row.cached, desk.budget.spent()) == (Outcome.OK, True, spent)


async def test_a_failure_that_could_not_be_recorded_is_tried_again() -> None:
    def lose_database() -> None:
        desk.commands.available = False

    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    desk = CommandDesk(
        openai=[[lose_database, *complete("no json")], GOOD],
        clock=clock,
        commands=MemoryCommandStore(clock),
    )
    request, finish = use_cases(desk)
    command = await request.request(ASK, SOMEBODY)
    with pytest.raises(DatabaseUnavailableError):
        await finish.finish(command.id)
    desk.commands.available = True
    clock.advance(desk.run.lease)
    await finish.finish(command.id)
    assert (await stored(desk, command.id)).outcome is Outcome.OK


class ForgetfulCommandStore(MemoryCommandStore):
    """The database is away for the one moment at which a failure is recorded."""

    failures = 1

    async def save(self, command: Command) -> None:
        if command.outcome is Outcome.NOT_JSON and self.failures:
            self.failures -= 1
            raise DatabaseUnavailableError
        await super().save(command)


async def test_a_failure_that_was_lost_in_a_short_outage_is_tried_again() -> None:
    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    commands = ForgetfulCommandStore(clock)
    desk = CommandDesk(openai=[complete("no json"), GOOD], clock=clock, commands=commands)
    request, finish = use_cases(desk)
    command = await request.request(ASK, SOMEBODY)
    with pytest.raises(DatabaseUnavailableError):
        await finish.finish(command.id)
    clock.advance(desk.run.lease)
    await finish.finish(command.id)
    assert (await stored(desk, command.id)).outcome is Outcome.OK


async def test_while_a_worker_runs_a_command_another_waits() -> None:
    desk = CommandDesk(openai=[[Began(), Piece(text="{"), Silence.FOR_EVER], GOOD])
    request, finish = use_cases(desk)
    command = await request.request(ASK, SOMEBODY)
    running = asyncio.ensure_future(finish.finish(command.id))
    await desk.models[Provider.OPENAI].asked.wait()
    with pytest.raises(BusyError):
        await finish.finish(command.id)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(desk.prompts()) == 1


async def test_a_worker_that_lost_its_lease_does_not_replace_the_answer_of_its_heir() -> None:
    clock = Clock(datetime(2026, 11, 28, tzinfo=UTC))
    desk = CommandDesk(
        openai=[GOOD, complete(answer_json("Late."))],
        clock=clock,
        commands=MemoryCommandStore(clock),
    )
    request, finish = use_cases(desk)
    command = await request.request(ASK, SOMEBODY)
    lost = await desk.commands.claim(command.id, desk.run.lease)
    assert lost is not None
    clock.advance(desk.run.lease)
    await finish.finish(command.id)
    desk.cache._answers.clear()
    await desk.run.run_command(lost)
    row = await stored(desk, command.id)
    assert row.answer is not None
    assert row.answer.output == "Because."
