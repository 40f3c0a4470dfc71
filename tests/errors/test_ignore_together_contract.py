"""One suite for ignoring errors together, in Postgres and in its twin: all of them, or none."""

from __future__ import annotations

import asyncio
import uuid

import psycopg
import pytest

from kova.errors.error import ErrorRecord, ErrorStatus
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, reach_of
from tests.errors.test_error_store_contract import (
    FIRST,
    SECOND,
    UNTIL,
    actions,
    decision,
    list_errors,
)
from tests.support.stores import (
    NAME,
    AllStores,
    apply_files,
    new_repository,
    postgres_stores,
)


async def three_errors(stores: AllStores) -> list[ErrorRecord]:
    """Return an error that was fixed, and two open ones."""
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)", "b.py": "BAD(y)\nBAD(z)"})
    await apply_files(stores, repository, SECOND, {"a.py": "", "b.py": "BAD(y)\nBAD(z)"})
    fixed = await list_errors(stores, status=ErrorStatus.FIXED)
    return [*fixed, *await list_errors(stores, status=ErrorStatus.OPEN)]


async def test_errors_are_ignored_together_each_with_its_audit_event(stores: AllStores) -> None:
    _, first, second = await three_errors(stores)
    ids = [second.id, first.id, second.id]
    result = await stores.errors.ignore_together(ids, decision(until=UNTIL), EVERYTHING)
    assert result.refused == ()
    assert [(error.id, error.ignored) for error in result.errors] == [
        (second.id, decision(until=UNTIL)),
        (first.id, decision(until=UNTIL)),
    ]
    assert {error.ignored for error in await list_errors(stores, status=ErrorStatus.IGNORED)} == {
        decision(until=UNTIL)
    }
    events = (await stores.audit.page(PageRequest())).items
    assert {event.target for event in events} == {first.id, second.id}
    assert {event.actor for event in events} == {"key:abc"}
    for event in events:
        assert event.detail == {"reason": "known", "until": UNTIL.isoformat()}
    # The same again changes and records nothing.
    await stores.errors.ignore_together(ids, decision(until=UNTIL), EVERYTHING)
    assert len((await stores.audit.page(PageRequest())).items) == 2


async def test_one_that_cannot_be_ignored_keeps_all_as_they_are(stores: AllStores) -> None:
    fixed, first, second = await three_errors(stores)
    unknown = str(uuid.UUID(int=7))
    ids = [first.id, fixed.id, unknown, "no id", second.id]
    result = await stores.errors.ignore_together(ids, decision(), EVERYTHING)
    assert result.errors == ()
    assert [(refused.error_id, refused.error) for refused in result.refused] == [
        (fixed.id, fixed),
        (unknown, None),
        ("no id", None),
    ]
    assert await list_errors(stores, status=ErrorStatus.OPEN) == [first, second]
    assert await actions(stores) == []


async def test_what_is_outside_of_the_reach_is_refused_as_if_it_were_not_there(
    stores: AllStores,
) -> None:
    _, first, second = await three_errors(stores)
    for reach in (reach_of([]), reach_of(["octo/else"])):
        result = await stores.errors.ignore_together([first.id, second.id], decision(), reach)
        assert [(refused.error_id, refused.error) for refused in result.refused] == [
            (first.id, None),
            (second.id, None),
        ]
    assert await list_errors(stores, status=ErrorStatus.OPEN) == [first, second]
    result = await stores.errors.ignore_together([first.id], decision(), reach_of([NAME.upper()]))
    assert [error.id for error in result.errors] == [first.id]


async def test_in_postgres_a_failure_in_the_middle_keeps_all_as_they_are(
    database_url: str,
) -> None:
    async with postgres_stores(database_url) as stores:
        _, first, second = await three_errors(stores)
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "ALTER TABLE audit_log ADD CONSTRAINT no_second CHECK (target <> '"  # type: ignore[arg-type]
                + max(first.id, second.id)
                + "')"
            )
        with pytest.raises(psycopg.errors.CheckViolation):
            await stores.errors.ignore_together([first.id, second.id], decision(), EVERYTHING)
        assert await list_errors(stores, status=ErrorStatus.OPEN) == [first, second]
        assert await actions(stores) == []


async def test_in_postgres_many_who_ignore_the_same_at_once_do_not_stop_each_other(
    database_url: str,
) -> None:
    async with postgres_stores(database_url) as stores:
        _, first, second = await three_errors(stores)
        pairs = [[first.id, second.id], [second.id, first.id]] * 8
        results = await asyncio.gather(
            *(
                stores.errors.ignore_together(ids, decision(str(number)), EVERYTHING)
                for number, ids in enumerate(pairs)
            )
        )
        assert all(not result.refused for result in results)
        reasons = {
            error.ignored and error.ignored.reason
            for error in await list_errors(stores, status=ErrorStatus.IGNORED)
        }
        assert len(reasons) == 1  # Both by the last of them: never one by each.
