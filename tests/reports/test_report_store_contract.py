"""One suite for the report of a month in Postgres and its twin in memory."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from kova.adapters.memory.errors import MemoryErrorStore
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.commands.command import Command, CommandRequest
from kova.errors.error import ErrorRecord, ErrorStatus, IgnoreDecision
from kova.errors.ports import ErrorFilter
from kova.fixes.fix import FixStatus, ProvedFix, Strategy
from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.reports.month_report import ErrorCounts, FixTime, ModelCosts, MonthReport
from kova.scans.scan import ScanStats, ScanStatus
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, Reach, reach_of
from kova.shared.repository import Repository
from kova.shared.severity import Severity
from tests.support.findings import analysis_of
from tests.support.stores import NAME, AllStores, apply_files, new_claim, new_repository

OTHER = "Octo/Other"
FIRST, SECOND = "1" * 40, "2" * 40
MARCH = date(2026, 3, 1)
# Days around the month, to the microsecond at its edges.
FEBRUARY = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MIDDLE = datetime(2026, 3, 15, tzinfo=UTC)
LAST = datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


async def list_errors(stores: AllStores) -> list[ErrorRecord]:
    page = await stores.errors.page(PageRequest(), ErrorFilter(), EVERYTHING)
    return sorted(page.items, key=lambda error: error.finding.span.start_line)


async def set_times(
    stores: AllStores, error: ErrorRecord, first_seen: datetime, fixed: datetime | None
) -> None:
    """Write when an error was first seen, and fixed if it was, as scans of that time would have."""
    status = ErrorStatus.FIXED if fixed else ErrorStatus.OPEN
    if isinstance(stores.errors, MemoryErrorStore):
        rows = stores.errors._database.errors
        rows[error.id] = replace(
            rows[error.id], first_seen_at=first_seen, fixed_at=fixed, status=status
        )
        return
    assert isinstance(stores.errors, PostgresErrorStore)
    async with stores.errors._database.transaction() as connection:
        await connection.execute(
            "UPDATE errors SET first_seen_at = %s, fixed_at = %s, status = %s WHERE id = %s",
            (first_seen, fixed, status, error.id),
        )


async def repository_named(stores: AllStores, name: str) -> Repository:
    return await stores.repositories.get(name, EVERYTHING) or await new_repository(stores, name)


async def new_errors(stores: AllStores, name: str, count: int) -> list[ErrorRecord]:
    repository = await new_repository(stores, name)
    await apply_files(stores, repository, FIRST, {"a.py": "\n".join(["BAD(x)"] * count)})
    return [error for error in await list_errors(stores) if error.repository == name]


def this_month() -> date:
    # The twin's clock may be a little ahead.
    return (datetime.now(UTC) + timedelta(minutes=1)).date().replace(day=1)


async def test_nothing_is_an_empty_report(stores: AllStores) -> None:
    await new_repository(stores)
    assert await stores.reports.month(MARCH, EVERYTHING) == MonthReport(
        month="2026-03", errors=(), fixes=(), fix_times=(), models=(), scans=()
    )


async def test_errors_count_in_the_month_of_their_first_sight_and_of_their_end(
    stores: AllStores,
) -> None:
    times = [
        (FEBRUARY, None), (FEBRUARY, FEBRUARY), (FEBRUARY, BEGIN), (FEBRUARY, APRIL),
        (BEGIN, None), (BEGIN, LAST), (LAST, None), (LAST, APRIL), (APRIL, None), (APRIL, APRIL),
    ]  # fmt: skip
    for error, (first_seen, fixed) in zip(
        await new_errors(stores, NAME, len(times)), times, strict=True
    ):
        await set_times(stores, error, first_seen, fixed)
    counts = {"repository": NAME, "severity": Severity.HIGH}
    for month, open_count, introduced, fixed_count in (
        (date(2026, 2, 1), 3, 4, 1),
        (MARCH, 5, 4, 2),
        (date(2026, 4, 1), 4, 2, 3),
        (date(2026, 5, 1), 4, 0, 0),
    ):
        report = await stores.reports.month(month, EVERYTHING)
        assert report.errors == (
            ErrorCounts(**counts, open=open_count, introduced=introduced, fixed=fixed_count),
        ), month
    assert (await stores.reports.month(date(2026, 1, 1), EVERYTHING)).errors == ()


async def test_ignored_errors_are_not_open_and_are_new_where_they_came(stores: AllStores) -> None:
    (error,) = await new_errors(stores, NAME, 1)
    await stores.errors.ignore(
        error.id, IgnoreDecision(reason="r", by="cli", until=None), EVERYTHING
    )
    (counts,) = (await stores.reports.month(this_month(), EVERYTHING)).errors
    assert (counts.open, counts.introduced, counts.fixed) == (0, 1, 0)


async def test_severities_are_apart_and_repositories_with_most_errors_come_first(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores, OTHER)
    claim = await new_claim(stores, repository, commit_sha=FIRST)
    analysis = analysis_of({"a.py": "BAD(x)\nBAD(y)\nBAD(z)"})
    severities = (Severity.LOW, Severity.CRITICAL, Severity.LOW)
    findings = tuple(
        replace(finding, severity=severity)
        for finding, severity in zip(analysis.findings, severities, strict=True)
    )
    await stores.errors.apply(claim, FIRST, replace(analysis, findings=findings))
    await new_errors(stores, NAME, 1)
    report = await stores.reports.month(this_month(), EVERYTHING)
    assert [(row.repository, row.severity.value, row.introduced) for row in report.errors] == [
        (OTHER, "critical", 1), (OTHER, "low", 2), (NAME, "high", 1),
    ]  # fmt: skip


async def test_the_time_to_fix_is_the_median_of_those_fixed_in_the_month(
    stores: AllStores,
) -> None:
    errors = await new_errors(stores, NAME, 4)
    hour = timedelta(hours=1)
    for error, hours in zip(errors, (1, 3, 20), strict=False):
        await set_times(stores, error, MIDDLE - hours * hour, MIDDLE)
    await set_times(stores, errors[3], MIDDLE, APRIL)
    report = await stores.reports.month(MARCH, EVERYTHING)
    assert report.fix_times == tuple(
        FixTime(severity=severity, fixed=3, median=3 * 3_600, longest=20 * 3_600)
        for severity in (None, Severity.HIGH)
    )


async def save_fix(stores: AllStores, name: str, commit: str, status: FixStatus) -> None:
    repository = await repository_named(stores, name)
    claim = await new_claim(stores, repository, commit_sha=commit)
    files = {f"{commit[0]}.py": f"value = {commit[0]}\nBAD(v{commit[0]})"}
    change = await apply_files(stores, repository, commit, files, claim=claim)
    fix = ProvedFix(
        finding=analysis_of(files).findings[0],
        strategy=Strategy.DETERMINISTIC,
        status=status,
        safe=True,
        patch="",
        verification=(),
        rejection="applies: no" if status is FixStatus.REJECTED else None,
    )
    await stores.fixes.save(claim.id, [fix], change.error_ids)
    await stores.scans.finish(claim, ScanStatus.SUCCEEDED, stats=ScanStats(), skipped=())


async def test_fixes_and_scans_count_by_repository_and_status(stores: AllStores) -> None:
    await save_fix(stores, NAME, FIRST, FixStatus.VERIFIED)
    await save_fix(stores, OTHER, FIRST, FixStatus.REJECTED)
    await save_fix(stores, OTHER, SECOND, FixStatus.VERIFIED)
    repository = await repository_named(stores, OTHER)
    claim = await new_claim(stores, repository, commit_sha="3" * 40)
    await stores.scans.fail(claim.id, "It could not be read.")
    report = await stores.reports.month(this_month(), EVERYTHING)
    assert [(row.repository, row.by_status) for row in report.fixes] == [
        (OTHER, {FixStatus.REJECTED: 1, FixStatus.VERIFIED: 1}), (NAME, {FixStatus.VERIFIED: 1}),
    ]  # fmt: skip
    assert [(row.repository, row.by_status) for row in report.scans] == [
        (OTHER, {ScanStatus.SUCCEEDED: 2, ScanStatus.FAILED: 1}), (NAME, {ScanStatus.SUCCEEDED: 1}),
    ]  # fmt: skip
    empty = await stores.reports.month(MARCH, EVERYTHING)
    assert empty.fixes == empty.scans == ()


async def ask(
    stores: AllStores, repository: str | None, cost: str, outcome: Outcome, model: str | None
) -> None:
    await stores.commands.save(
        Command(
            id=str(uuid.uuid4()),
            api_key_id=None,
            request=CommandRequest(command="why?", repository=repository),
            task=Task.ANALYZE,
            outcome=outcome,
            created_at=MIDDLE,
            provider=Provider.OPENAI if model else None,
            model=model,
            usage=TokenUsage(input_tokens=100, output_tokens=20) if model else TokenUsage(),
            cost_usd=Decimal(cost),
        )
    )


async def test_models_cost_by_repository_and_model(stores: AllStores) -> None:
    await new_repository(stores)
    for cost, outcome in (("0.25", Outcome.CUT), ("0.5", Outcome.CANCELLED), ("0", Outcome.QUEUED)):
        await ask(stores, NAME.upper(), cost, outcome, "gpt")
    await ask(stores, None, "2", Outcome.CUT, "gpt")
    await ask(stores, "octo/unknown", "0", Outcome.NOT_CONFIGURED, None)
    report = await stores.reports.month(MARCH, EVERYTHING)
    sums = {"input_tokens": 100, "output_tokens": 20, "failed": 1}
    assert report.models == (
        ModelCosts(
            repository=None, provider="openai", model="gpt", commands=1, cost_usd=Decimal(2), **sums
        ),
        ModelCosts(
            repository=NAME, provider="openai", model="gpt", commands=3, failed=2,
            input_tokens=300, output_tokens=60, cost_usd=Decimal("0.75"),
        ),
        ModelCosts(
            repository=None, provider=None, model=None, commands=1, failed=1,
            input_tokens=0, output_tokens=0, cost_usd=Decimal(0),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reach", "inside"),
    [
        (EVERYTHING, {NAME, OTHER, None}),
        (reach_of(["OCTO/OTHER", "octo/none"]), {OTHER}),
        (reach_of([NAME]), {NAME}),
        (reach_of([]), set()),
    ],
)
async def test_a_report_is_about_the_reach_alone(
    stores: AllStores, reach: Reach, inside: set[str | None]
) -> None:
    for name in (NAME, OTHER):
        await save_fix(stores, name, FIRST, FixStatus.VERIFIED)
        await apply_files(stores, await repository_named(stores, name), SECOND, {})
        await ask(stores, name, "1", Outcome.CUT, "gpt")
    await ask(stores, None, "1", Outcome.CUT, "gpt")
    report = await stores.reports.month(this_month(), reach)
    named = inside - {None}
    for rows in (report.errors, report.fixes, report.scans):
        assert {row.repository for row in rows} == named
    assert [row.fixed for row in report.fix_times] == [len(named)] * 2 * bool(named)
    asked = await stores.reports.month(MARCH, reach)
    assert {row.repository for row in asked.models} == inside
