"""`/kova ignore` ignores the open errors of a rule, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kova.adapters.memory.errors import MemoryErrorStore
from kova.errors.error import (
    MOST_AT_ONCE,
    ErrorRecord,
    ErrorStatus,
    IgnoreDecision,
    IgnoredTogether,
    RuleCount,
)
from kova.errors.ignore_errors import IgnoreErrors
from kova.errors.ignoring import IgnoreRequest, IgnoreResult
from kova.errors.ports import ErrorFilter
from kova.shared.exceptions import DatabaseUnavailableError
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, Reach
from tests.support.stores import NAME, apply_files
from tests.support.workshop import Workshop

ACTOR = "github:mona"
FILES = {"src/a.py": "BAD(x)\nBAD(y)", "src/b.py": "BAD(z)\nBAD[R2](z)"}


async def ignore(
    workshop: Workshop,
    rule: str = "R1",
    path: str | None = None,
    *,
    paths: frozenset[str] | None = None,
    full_name: str = NAME,
    reason: str = "known",
) -> IgnoreResult:
    return await IgnoreErrors(errors=workshop.stores.errors).ignore(
        full_name, IgnoreRequest(rule=rule, path=path, reason=reason), paths=paths, actor=ACTOR
    )


async def fill(workshop: Workshop, files: dict[str, str] | None = None) -> None:
    await apply_files(
        workshop.stores, await workshop.repository(), "1" * 40, files or FILES, rules=("R1", "R2")
    )


async def list_errors(workshop: Workshop, status: ErrorStatus) -> list[ErrorRecord]:
    page = await workshop.stores.errors.page(
        PageRequest(limit=500), ErrorFilter(status=status), EVERYTHING
    )
    return list(page.items)


def places(result: IgnoreResult) -> list[tuple[str, int]]:
    return [(error.finding.path, error.finding.span.start_line) for error in result.errors]


@pytest.mark.parametrize("rule", ["R1", "r1", "tool/R1", "TOOL/r1"])
async def test_the_open_errors_of_a_rule_are_ignored_in_the_order_of_their_places(
    workshop: Workshop, rule: str
) -> None:
    await fill(workshop)
    result = await ignore(workshop, rule)
    assert places(result) == [("src/a.py", 1), ("src/a.py", 2), ("src/b.py", 1)]
    assert (result.matching, result.rules) == (3, ())
    (error,) = await list_errors(workshop, ErrorStatus.OPEN)
    assert error.finding.rule_id == "R2"
    assert {error.ignored for error in result.errors} == {
        IgnoreDecision(reason="known", by=ACTOR, until=None)
    }


@pytest.mark.parametrize("path", ["src/b.py", "src/b*", "**/b.py"])
async def test_a_path_narrows_it(workshop: Workshop, path: str) -> None:
    await fill(workshop)
    assert places(await ignore(workshop, path=path)) == [("src/b.py", 1)]


async def test_of_a_pull_request_only_the_changed_files_match(workshop: Workshop) -> None:
    await fill(workshop)
    result = await ignore(workshop, paths=frozenset({"src/b.py"}))
    assert places(result) == [("src/b.py", 1)]
    assert places(await ignore(workshop, paths=frozenset())) == []


async def test_a_request_that_comes_twice_has_the_same_result_and_changes_nothing_more(
    workshop: Workshop,
) -> None:
    await fill(workshop)
    first = await ignore(workshop)
    second = await ignore(workshop)
    assert (second.errors, second.matching) == (first.errors, 0)
    assert len(workshop.database.audit) == 3


async def test_what_somebody_ignored_for_another_reason_is_not_the_requests(
    workshop: Workshop,
) -> None:
    await fill(workshop)
    await ignore(workshop, path="src/b.py", reason="an older reason")
    result = await ignore(workshop)
    assert places(result) == [("src/a.py", 1), ("src/a.py", 2)]
    reasons = [error.ignored and error.ignored.reason for error in
               await list_errors(workshop, ErrorStatus.IGNORED)]  # fmt: skip
    assert sorted(reasons, key=str) == ["an older reason", "known", "known"]


@pytest.mark.parametrize(
    ("number", "ignored"), [(MOST_AT_ONCE, MOST_AT_ONCE), (MOST_AT_ONCE + 1, 0)]
)
async def test_more_than_the_most_at_once_are_ignored_not_at_all(
    workshop: Workshop, number: int, ignored: int
) -> None:
    await fill(workshop, {f"{line}.py": "BAD(x)" for line in range(number)})
    result = await ignore(workshop)
    assert (result.matching, len(result.errors)) == (number, ignored)
    assert len(await list_errors(workshop, ErrorStatus.IGNORED)) == ignored


async def test_where_nothing_matches_the_rules_with_open_errors_are_named(
    workshop: Workshop,
) -> None:
    await fill(workshop)
    result = await ignore(workshop, "R9")
    assert result == IgnoreResult(
        rules=(
            RuleCount(analyzer="tool", rule_id="R1", open=3),
            RuleCount(analyzer="tool", rule_id="R2", open=1),
        )
    )
    assert await ignore(workshop, full_name="octo/none") == IgnoreResult()


async def test_an_error_that_a_scan_fixes_meanwhile_is_left_out(workshop: Workshop) -> None:
    await fill(workshop)
    repository = await workshop.repository()

    class ScannedMeanwhile(MemoryErrorStore):
        """A scan ends after the errors were listed and before the first one is ignored."""

        async def ignore_together(
            self, error_ids: Sequence[str], decision: IgnoreDecision, reach: Reach
        ) -> IgnoredTogether:
            files = {**FILES, "src/a.py": ""}
            await apply_files(workshop.stores, repository, "2" * 40, files, rules=("R1", "R2"))
            return await super().ignore_together(error_ids, decision, reach)

    result = await IgnoreErrors(errors=ScannedMeanwhile(workshop.database)).ignore(
        NAME, IgnoreRequest(rule="R1", path=None, reason="known"), paths=None, actor=ACTOR
    )
    assert places(result) == [("src/b.py", 1)]


async def test_an_outage_of_the_database_is_raised(workshop: Workshop) -> None:
    await fill(workshop)
    workshop.database.available = False
    with pytest.raises(DatabaseUnavailableError):
        await ignore(workshop)
