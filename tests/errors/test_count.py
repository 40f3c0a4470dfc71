"""How many errors a filter matches: one suite for Postgres and its twin."""

from __future__ import annotations

from kova.errors.error import ErrorStatus
from kova.errors.ports import ErrorFilter
from kova.shared.reach import EVERYTHING, reach_of
from kova.shared.severity import Severity
from tests.support.stores import NAME, AllStores, apply_files, new_repository


async def test_a_count_is_of_the_filter_and_the_reach_and_ends_at_its_limit(
    stores: AllStores,
) -> None:
    for name, path in ((NAME, "a.py"), ("octo/other", "b.py")):
        repository = await new_repository(stores, name)
        await apply_files(stores, repository, "1" * 40, {path: "BAD(x)\nBAD(y)"})
    for filters, reach, limit, number in (
        (ErrorFilter(), EVERYTHING, 10, 4),
        (ErrorFilter(), EVERYTHING, 3, 3),
        (ErrorFilter(), reach_of([NAME.upper()]), 10, 2),
        (ErrorFilter(), reach_of([]), 10, 0),
        (ErrorFilter(repository=NAME.upper()), EVERYTHING, 10, 2),
        (ErrorFilter(repository=NAME), reach_of(["octo/other"]), 10, 0),
        (ErrorFilter(path="b.py", status=ErrorStatus.OPEN), EVERYTHING, 10, 2),
        (ErrorFilter(severity=Severity.LOW), EVERYTHING, 10, 0),
        (ErrorFilter(rule="\x00"), EVERYTHING, 10, 0),
    ):
        assert await stores.errors.count(filters, reach, limit) == number, filters
