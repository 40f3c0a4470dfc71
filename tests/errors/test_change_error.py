"""An error is ignored with a reason and opened again; the rest is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kova.errors.change_error import ChangeError
from kova.errors.error import ErrorRecord, ErrorStatus, IgnoreDecision
from kova.errors.ports import ErrorFilter
from kova.shared.exceptions import (
    ConflictError,
    DatabaseUnavailableError,
    InvalidInputError,
    NotFoundError,
)
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from tests.support.stores import apply_files
from tests.support.workshop import Workshop

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def change_of(workshop: Workshop) -> ChangeError:
    return ChangeError(errors=workshop.stores.errors, now=lambda: NOW)


async def new_error(workshop: Workshop) -> ErrorRecord:
    repository = await workshop.repository()
    await apply_files(workshop.stores, repository, "1" * 40, {"a.py": "BAD(x)"})
    (error,) = (await workshop.stores.errors.page(PageRequest(), ErrorFilter(), EVERYTHING)).items
    return error


async def test_an_error_is_ignored_with_its_reason_trimmed(workshop: Workshop) -> None:
    error = await new_error(workshop)
    ignored = await change_of(workshop).ignore(
        error.id, reason="  known  ", until=LATER, actor="key:abc", reach=EVERYTHING
    )
    assert ignored.status is ErrorStatus.IGNORED
    assert ignored.ignored == IgnoreDecision(reason="known", by="key:abc", until=LATER)


@pytest.mark.parametrize("reason", ["", " \n\t"])
async def test_without_a_reason_nothing_is_ignored(workshop: Workshop, reason: str) -> None:
    error = await new_error(workshop)
    with pytest.raises(InvalidInputError) as raised:
        await change_of(workshop).ignore(
            error.id, reason=reason, until=None, actor="cli", reach=EVERYTHING
        )
    assert raised.value.data == {"field": "reason"}
    assert await workshop.stores.errors.get(error.id, EVERYTHING) == error


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(seconds=1)])
async def test_nothing_is_ignored_until_a_time_that_is_past(
    workshop: Workshop, until: datetime
) -> None:
    error = await new_error(workshop)
    with pytest.raises(ConflictError, match="a time to come"):
        await change_of(workshop).ignore(
            error.id, reason="known", until=until, actor="cli", reach=EVERYTHING
        )
    assert await workshop.stores.errors.get(error.id, EVERYTHING) == error


async def test_an_ignored_error_is_opened_and_an_open_one_stays_open(workshop: Workshop) -> None:
    error, change = await new_error(workshop), change_of(workshop)
    await change.ignore(error.id, reason="known", until=None, actor="cli", reach=EVERYTHING)
    for _ in range(2):
        assert await change.open(error.id, actor="cli", reach=EVERYTHING) == error
    assert len(workshop.database.audit) == 2


async def test_a_fixed_error_is_neither_ignored_nor_opened(workshop: Workshop) -> None:
    error, change = await new_error(workshop), change_of(workshop)
    repository = await workshop.repository()
    await apply_files(workshop.stores, repository, "2" * 40, {"a.py": ""})
    with pytest.raises(ConflictError, match="is fixed"):
        await change.ignore(error.id, reason="known", until=None, actor="cli", reach=EVERYTHING)
    with pytest.raises(ConflictError, match="is fixed"):
        await change.open(error.id, actor="cli", reach=EVERYTHING)


async def test_an_unknown_error_is_not_found(workshop: Workshop) -> None:
    with pytest.raises(NotFoundError):
        await change_of(workshop).ignore(
            "none", reason="known", until=None, actor="cli", reach=EVERYTHING
        )
    with pytest.raises(NotFoundError):
        await change_of(workshop).open("none", actor="cli", reach=EVERYTHING)


async def test_an_outage_of_the_database_is_raised(workshop: Workshop) -> None:
    error = await new_error(workshop)
    workshop.database.available = False
    with pytest.raises(DatabaseUnavailableError):
        await change_of(workshop).ignore(
            error.id, reason="known", until=None, actor="cli", reach=EVERYTHING
        )
