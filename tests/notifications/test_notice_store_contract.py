"""One suite for notices in Postgres and their twin in memory: what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from kova.fixes.fix import FixStatus, ProvedFix, Strategy
from kova.models.ports import BudgetScope
from kova.notifications.notice import (
    Notice,
    NoticeKind,
    PlannedMessage,
)
from kova.scans.scan import ScanStatus, Trigger
from kova.shared.reach import EVERYTHING
from kova.shared.repository import NotifySeverity, RepositoryChange
from kova.shared.severity import Severity
from tests.notifications.routing import NEXT_SHA, SHA, STATS, take_notices
from tests.support.findings import finding
from tests.support.stores import (
    NAME,
    AllStores,
    apply_files,
    new_claim,
    new_key,
    new_repository,
    new_repository_with_budget,
    release,
)


def kinds(notices: Sequence[Notice]) -> list[str]:
    return [notice.kind.value for notice in notices]


async def test_a_new_error_is_recorded_once_however_often_the_scan_is_applied(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository, commit_sha=SHA)
    change = await apply_files(stores, repository, SHA, {"a.py": "BAD(x)"}, claim=claim)
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)"}, claim=claim)
    (notice,) = await take_notices(stores)
    (error_id,) = change.error_ids.values()
    assert (notice.kind, notice.subject) == (NoticeKind.ERROR_OPENED, error_id)
    assert (notice.repository, notice.severity) == (NAME, Severity.HIGH)
    assert notice.thread_key == f"error:{error_id}"
    assert await take_notices(stores) == []


async def test_an_error_that_comes_back_is_told_again(stores: AllStores) -> None:
    repository = await new_repository(stores)
    for content in ("BAD(x)", "x", "BAD(x)", "BAD(x)"):
        await apply_files(stores, repository, SHA, {"a.py": content})
    notices = await take_notices(stores)
    assert kinds(notices) == ["error_opened", "error_opened"]
    assert len({notice.thread_key for notice in notices}) == 1


async def test_an_error_that_only_a_new_tool_sees_is_not_told(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)  # quiet"})
    assert await take_notices(stores) == []


def proved(fingerprint: str, **fields: object) -> ProvedFix:
    values: dict[str, object] = {
        "finding": finding(fingerprint=fingerprint),
        "strategy": Strategy.DETERMINISTIC,
        "status": FixStatus.VERIFIED,
        "safe": True,
        "patch": "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-BAD(x)\n+good(x)\n",
        "verification": (),
    }
    return ProvedFix(**{**values, **fields})  # type: ignore[arg-type]


async def test_a_proved_fix_is_told_once_in_the_thread_of_its_error(stores: AllStores) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository, commit_sha=SHA)
    change = await apply_files(stores, repository, SHA, {"a.py": "BAD(x)"}, claim=claim)
    ((fingerprint, error_id),) = change.error_ids.items()
    await stores.fixes.save(
        claim.id,
        [proved(fingerprint, status=FixStatus.REJECTED, rejection="no")],
        change.error_ids,
    )
    assert kinds(await take_notices(stores)) == ["error_opened"]
    await stores.fixes.save(claim.id, [proved(fingerprint)], change.error_ids)
    await stores.fixes.save(claim.id, [proved(fingerprint)], change.error_ids)
    (notice,) = await take_notices(stores)
    assert (notice.kind, notice.thread_key) == (NoticeKind.FIX_READY, f"error:{error_id}")
    fix = await stores.fixes.get(notice.subject, EVERYTHING)
    assert fix is not None
    assert fix.error_id == error_id


async def test_a_scan_that_failed_for_good_is_told_and_one_that_is_tried_again_is_not(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    released = await new_claim(stores, repository)
    await release(stores, released)
    failed = await new_claim(stores, repository)
    await stores.scans.finish(failed, ScanStatus.FAILED, stats=STATS, skipped=(), failure="x")
    await stores.scans.fail(released.id, "given up")
    await stores.scans.fail(released.id, "given up")
    notices = await take_notices(stores)
    assert kinds(notices) == ["scan_failed", "scan_failed"]
    assert [notice.subject for notice in notices] == [failed.id, released.id]


async def test_a_scan_whose_claim_was_lost_tells_nothing(stores: AllStores) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository)
    await release(stores, claim)
    await stores.scans.finish(claim, ScanStatus.FAILED, stats=STATS, skipped=(), failure="x")
    assert await take_notices(stores) == []


async def test_a_pull_requests_failing_checks_are_told_once(stores: AllStores) -> None:
    repository = await new_repository(stores)
    for number in range(2):
        claim = await new_claim(
            stores,
            repository,
            trigger=Trigger.PULL_REQUEST,
            ref="refs/pull/7/head",
            commit_sha=f"{number:040x}",
        )
        await stores.scans.finish(
            claim, ScanStatus.SUCCEEDED, stats=STATS, skipped=(), checks_failed=True
        )
    (notice,) = await take_notices(stores)
    assert notice.kind is NoticeKind.CHECKS_FAILED


async def test_failing_checks_are_not_told_beside_the_errors_that_fail_them(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository, commit_sha=SHA)
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)"}, claim=claim)
    await stores.scans.finish(
        claim, ScanStatus.SUCCEEDED, stats=STATS, skipped=(), checks_failed=True
    )
    assert kinds(await take_notices(stores)) == ["error_opened"]


async def spend(stores: AllStores, cost: str, cap: str | None = None) -> None:
    scope = BudgetScope(
        api_key_id=None, repository=NAME, cap=Decimal(cap) if cap is not None else None
    )
    reservation = await stores.budget.reserve(scope, Decimal("0.01"), timedelta(minutes=1))
    await stores.budget.settle(reservation, Decimal(cost))
    await stores.budget.settle(reservation, Decimal(cost))


async def test_a_budget_near_its_end_is_told_once_a_level(stores: AllStores) -> None:
    await new_repository_with_budget(stores, "10")
    await spend(stores, "7.90")
    assert await take_notices(stores) == []
    await spend(stores, "0.20")
    await spend(stores, "0.20")
    (notice,) = await take_notices(stores)
    assert (notice.kind, notice.repository, notice.facts["level"]) == (
        NoticeKind.BUDGET_LOW,
        NAME,
        "80",
    )
    await spend(stores, "2.00")
    (notice,) = await take_notices(stores)
    assert (notice.facts["level"], notice.facts["cap_usd"]) == ("100", "10.00")


async def test_the_budget_of_all_commands_is_told_too(stores: AllStores) -> None:
    await spend(stores, "4.50", cap="5")
    (notice,) = await take_notices(stores)
    assert (notice.repository, notice.subject, notice.facts["spent_usd"]) == (None, "all", "4.50")


async def test_a_keys_budget_names_the_key(stores: AllStores) -> None:
    key = await new_key(stores, "ci", monthly_budget_usd=Decimal(1))
    scope = BudgetScope(api_key_id=key.id, repository=None, cap=None)
    reservation = await stores.budget.reserve(scope, Decimal("0.5"), timedelta(minutes=1))
    await stores.budget.settle(reservation, Decimal("0.9"))
    (notice,) = await take_notices(stores)
    assert (notice.subject, notice.facts["name"]) == (f"key:{key.id}", "ci")


async def test_a_plan_that_fails_leaves_the_notices_for_the_next_one(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)"})

    def fail(_notices: Sequence[Notice]) -> list[PlannedMessage]:
        raise ValueError

    with pytest.raises(ValueError):
        await stores.notices.route(fail)
    assert kinds(await take_notices(stores)) == ["error_opened"]


async def test_the_rules_of_a_repository_come_with_its_notices(stores: AllStores) -> None:
    repository = await new_repository(stores)
    change = RepositoryChange(
        named=frozenset({"slack_channel", "notify_severity", "quiet_hours"}),
        slack_channel="C00000000X",
        notify_severity=NotifySeverity.CRITICAL,
        quiet_hours="22:00-07:00",
    )
    changed = await stores.repositories.change(NAME, change, "cli", EVERYTHING)
    assert changed is not None
    assert changed.notify_severity is NotifySeverity.CRITICAL
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)"})
    (notice,) = await take_notices(stores)
    assert (notice.slack_channel, notice.notify_severity, notice.quiet_hours) == (
        "C00000000X",
        "critical",
        "22:00-07:00",
    )


async def test_a_digest_is_one_a_day_of_a_repository_in_which_something_changed(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    await new_repository(stores, "octo/silent")
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)\nBAD(y)"})
    await apply_files(stores, repository, NEXT_SHA, {"a.py": "BAD(x)"})
    await take_notices(stores)
    assert await stores.notices.record_digest("2026-11-29") == 1
    assert await stores.notices.record_digest("2026-11-29") == 0
    (notice,) = await take_notices(stores)
    assert (notice.kind, notice.repository) == (NoticeKind.DIGEST, NAME)
    facts = {name: notice.facts[name] for name in ("new", "fixed", "open", "severe", "fixes")}
    assert facts == {"new": "1", "fixed": "1", "open": "1", "severe": "1", "fixes": "0"}
