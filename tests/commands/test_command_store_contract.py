"""One suite for commands in Postgres and their twin in memory."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from kova.access.api_key import Scope
from kova.commands.command import Answer, Citation, Command, CommandRequest, ReviewFinding
from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.shared.exceptions import BusyError
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, reach_of
from tests.support.eventually import eventually
from tests.support.stores import AllStores, new_key, new_repository, postgres_stores
from tests.support.subjects import SOMEBODY, subject

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
LEASE = timedelta(hours=1)
OVER = timedelta(seconds=-1)
"""A lease that is over at once, as that of a worker that died."""
_WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def queued(**values: object) -> Command:
    fields: dict[str, object] = {
        "id": str(uuid.uuid4()),
        "api_key_id": None,
        "request": CommandRequest(command="why?"),
        "task": Task.ANALYZE,
        "outcome": Outcome.QUEUED,
        "created_at": NOON,
        **values,
    }
    return Command(**fields)  # type: ignore[arg-type]


def answered(command: Command, output: str = "Because.") -> Command:
    return replace(command, outcome=Outcome.OK, answer=Answer(output=output))


async def test_a_command_comes_back_with_everything_that_was_saved(stores: AllStores) -> None:
    request = CommandRequest(
        command="review it",
        task=Task.REVIEW,
        repository="octo/sample",
        ref="main",
        path="a.py",
        code="x = 1",
        error_id=str(uuid.uuid4()),
        session_id="s",
        pull_request=4,
        provider=Provider.ANTHROPIC,
        max_output_tokens=99,
    )
    finding = ReviewFinding(path="a.py", start_line=1, end_line=2, severity="low", message="é")
    command = queued(
        api_key_id=(await new_key(stores)).id,
        request=request,
        task=Task.REVIEW,
        outcome=Outcome.OK,
        provider=Provider.OPENAI,
        model="m-1",
        answer=Answer(
            output="So.",
            citations=(Citation(path="a.py", start_line=1, end_line=1),),
            findings=(finding,),
            dropped=3,
        ),
        usage=TokenUsage(input_tokens=7, output_tokens=8),
        cost_usd=Decimal("0.000123"),
        cached=True,
        fallback=True,
        session_id="s",
        duration_ms=12,
        detail="d",
    )
    await stores.commands.save(command)
    assert await stores.commands.get(command.id) == command


async def test_an_id_that_nobody_has_is_none(stores: AllStores) -> None:
    assert await stores.commands.get(str(uuid.uuid4())) is None
    assert await stores.commands.get("no id") is None
    assert await stores.commands.claim(str(uuid.uuid4()), LEASE) is None


async def test_text_that_cannot_be_stored_is_cleaned(stores: AllStores) -> None:
    command = queued(request=CommandRequest(command="a\0b", code="\ud800", path="\0"))
    await stores.commands.save(answered(command, "c\0d"))
    stored = await stores.commands.get(command.id)
    assert stored is not None
    assert stored.answer == Answer(output="c\ufffdd")
    assert stored.request == CommandRequest(command="a\ufffdb", code="\ufffd", path="\ufffd")


async def test_a_queued_command_is_claimed_by_one_worker(stores: AllStores) -> None:
    command = queued()
    await stores.commands.save(command)
    results = await asyncio.gather(
        *(stores.commands.claim(command.id, LEASE) for _ in range(9)), return_exceptions=True
    )
    claimed = [result for result in results if isinstance(result, Command)]
    busy = [result for result in results if isinstance(result, BusyError)]
    assert claimed == [replace(command, outcome=Outcome.RUNNING)]
    assert len(busy) == 8
    for error in busy:
        seconds = error.data["retry_after"]
        assert isinstance(seconds, float)
        assert 3_000 < seconds <= 3_600


async def test_whoever_waited_for_a_claim_is_told_no_more_than_its_lease(
    database_url: str,
) -> None:
    command = queued()
    async with postgres_stores(database_url) as stores:
        await stores.commands.save(command)
        with psycopg.connect(database_url, autocommit=True) as watcher:
            with psycopg.connect(database_url) as winner:
                winner.execute("SELECT 1 FROM ai_commands FOR UPDATE")
                loser = asyncio.create_task(stores.commands.claim(command.id, LEASE))
                await asyncio.to_thread(
                    eventually, lambda: watcher.execute(_WAITING).fetchone() is not None
                )
                winner.execute(
                    "UPDATE ai_commands SET outcome = 'running', "
                    "lease_until = clock_timestamp() + %s",
                    (LEASE,),
                )
            with pytest.raises(BusyError) as refused:
                await loser
    seconds = refused.value.data["retry_after"]
    assert isinstance(seconds, float)
    assert seconds <= LEASE.total_seconds()


async def test_the_command_of_a_dead_worker_is_taken_over(stores: AllStores) -> None:
    command = queued()
    await stores.commands.save(command)
    await stores.commands.claim(command.id, OVER)
    heir = await stores.commands.claim(command.id, LEASE)
    assert heir == replace(command, outcome=Outcome.RUNNING)
    with pytest.raises(BusyError):
        await stores.commands.claim(command.id, LEASE)


async def test_a_command_that_has_ended_cannot_be_claimed(stores: AllStores) -> None:
    command = queued()
    await stores.commands.save(command)
    await stores.commands.claim(command.id, OVER)
    await stores.commands.save(answered(command))
    assert await stores.commands.claim(command.id, LEASE) is None


async def test_beginning_a_command_again_changes_nothing(stores: AllStores) -> None:
    command = queued()
    await stores.commands.save(command)
    await stores.commands.claim(command.id, LEASE)
    await stores.commands.save(replace(command, request=CommandRequest(command="other")))
    with pytest.raises(BusyError):
        await stores.commands.claim(command.id, LEASE)
    stored = await stores.commands.get(command.id)
    assert stored == replace(command, outcome=Outcome.RUNNING)


async def test_of_two_ends_the_first_stays(stores: AllStores) -> None:
    command = queued()
    await stores.commands.save(command)
    await stores.commands.claim(command.id, LEASE)
    await stores.commands.save(answered(command, "first"))
    await stores.commands.save(answered(command, "second"))
    await stores.commands.save(replace(command, outcome=Outcome.FAILED, detail="late"))
    assert await stores.commands.get(command.id) == answered(command, "first")


async def test_a_failure_has_a_detail_and_no_answer(stores: AllStores) -> None:
    command = queued(outcome=Outcome.CUT, detail="It broke off.", answer=Answer(output="half"))
    await stores.commands.save(command)
    assert await stores.commands.get(command.id) == replace(command, answer=None)


async def test_the_end_of_a_command_names_the_repository_that_it_turned_out_to_be_about(
    stores: AllStores,
) -> None:
    await new_repository(stores, "octo/sample")
    command = queued(request=CommandRequest(command="why?", error_id=str(uuid.uuid4())))
    await stores.commands.save(command)
    await stores.commands.claim(command.id, LEASE)
    request = replace(command.request, repository="octo/sample")
    ended = replace(answered(command), request=request, cost_usd=Decimal(1))
    await stores.commands.save(ended)
    assert await stores.commands.get(command.id) == ended
    usage = await stores.usage.month(date(2026, 11, 1), None, EVERYTHING, None)
    assert [row.repository for row in usage.rows] == ["octo/sample"]


async def test_commands_are_paged_newest_first_and_by_key(stores: AllStores) -> None:
    mine, theirs = (await new_key(stores)).id, (await new_key(stores)).id
    commands = [
        queued(api_key_id=key_id, created_at=NOON + timedelta(minutes=minute // 2))
        for minute, key_id in enumerate([mine, mine, theirs, mine, mine])
    ]
    for command in commands:
        await stores.commands.save(command)
    order = sorted(commands, key=lambda command: (command.created_at, command.id), reverse=True)
    listed: list[Command] = []
    request: PageRequest | None = PageRequest(limit=2)
    while request is not None:
        page = await stores.commands.page(request, SOMEBODY)
        listed += page.items
        request = PageRequest(limit=2, after=page.next) if page.next else None
    assert listed == order
    own = await stores.commands.page(PageRequest(), subject(mine, Scope.AI))
    assert own.items == tuple(command for command in order if command.api_key_id == mine)
    assert own.next is None


async def test_a_command_is_for_its_asker_and_for_admins_with_its_repository_in_reach(
    stores: AllStores,
) -> None:
    repository = (await new_repository(stores, "Octo/Sample")).full_name
    mine, theirs = (await new_key(stores)).id, (await new_key(stores)).id
    about = CommandRequest(command="why?", repository=repository)
    bare = CommandRequest(command="why?")
    person = "google:somebody@example.com"
    saved = {
        "own": queued(api_key_id=mine, request=about),
        "own_bare": queued(api_key_id=mine, request=bare),
        "other": queued(api_key_id=theirs, request=about),
        "other_bare": queued(api_key_id=theirs, request=bare),
        "person": queued(actor=person, request=about),
        "person_bare": queued(actor=person, request=bare),
    }
    for command in saved.values():
        await stores.commands.save(command)
    inside, outside = reach_of([repository]), reach_of(["octo/else"])
    everything = set(saved)
    table = [
        (subject(mine), everything),
        (subject(mine, Scope.AI), {"own", "own_bare"}),
        (subject(mine, Scope.AI, reach=inside), {"own", "own_bare"}),
        (subject(mine, Scope.AI, reach=outside), {"own_bare"}),
        (subject(mine, reach=inside), {"own", "own_bare", "other", "person"}),
        (subject(mine, reach=outside), {"own_bare"}),
        (subject(actor=person), everything),
        (subject(None, Scope.AI, actor=person), {"person", "person_bare"}),
        (subject(None, Scope.AI, actor=person, reach=outside), {"person_bare"}),
        (subject(None, Scope.AI, actor="google:else@example.com"), set()),
    ]
    for viewer, names in table:
        page = await stores.commands.page(PageRequest(), viewer)
        shown = {command.id for command in page.items}
        assert shown == {saved[name].id for name in names}, viewer
        for name, command in saved.items():
            found = await stores.commands.find(command.id, viewer)
            assert (found is not None) == (name in names), (viewer, name)


async def test_who_asked_and_what_they_reached_is_kept(stores: AllStores) -> None:
    for reach in (EVERYTHING, reach_of([]), reach_of(["octo/a", "octo/b"])):
        command = queued(actor="github:octo", reach=reach)
        await stores.commands.save(command)
        assert await stores.commands.get(command.id) == command
        claimed = await stores.commands.claim(command.id, LEASE)
        assert claimed is not None
        assert (claimed.actor, claimed.reach) == ("github:octo", reach)
