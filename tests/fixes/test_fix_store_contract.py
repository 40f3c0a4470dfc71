"""One suite for the fixes in Postgres and their twin in memory."""

from __future__ import annotations

import uuid
from dataclasses import replace
from decimal import Decimal

import pytest

from kova.errors.error import FixReference
from kova.fixes.fix import Fix, FixStatus, ProvedFix, Step, Strategy, Verification
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from tests.support.findings import analysis_of
from tests.support.stores import NAME, AllStores, apply_files, new_claim, new_repository

SHA = "1" * 40
FILES = {"a.py": "BAD(x)\nBAD(y)", "b.py": "BAD(z)"}
URL = "https://github.example/octo/sample/pull/1"


class Saved:
    """The fixes of one scan's errors, one a finding."""

    def __init__(self, stores: AllStores) -> None:
        self.stores = stores
        self.findings = analysis_of(FILES).findings
        self.error_ids: dict[str, str] = {}
        self.scan_id = ""

    async def begin(self) -> None:
        self.repository = await new_repository(self.stores)
        claim = await new_claim(self.stores, self.repository, commit_sha=SHA)
        change = await apply_files(self.stores, self.repository, SHA, FILES, claim=claim)
        self.error_ids, self.scan_id = change.error_ids, claim.id

    async def save(self, *fixes: ProvedFix) -> None:
        await self.stores.fixes.save(self.scan_id, fixes, self.error_ids)

    def fix(self, number: int = 0, **fields: object) -> ProvedFix:
        values: dict[str, object] = {
            "finding": self.findings[number],
            "strategy": Strategy.DETERMINISTIC,
            "status": FixStatus.VERIFIED,
            "safe": True,
            "patch": "--- a/a.py\n+++ b/a.py\n",
            "verification": (Verification(step=Step.APPLIES, passed=True, detail="It applies."),),
        }
        return ProvedFix(**{**values, **fields})  # type: ignore[arg-type]

    def error_id(self, number: int = 0) -> str:
        return self.error_ids[self.findings[number].fingerprint]

    async def list(
        self, full_name: str | None = None, status: FixStatus | None = None
    ) -> list[Fix]:
        page = await self.stores.fixes.page(PageRequest(), full_name, status, EVERYTHING)
        return list(page.items)

    async def only(self) -> Fix:
        (fix,) = await self.list()
        return fix


@pytest.fixture
async def saved(stores: AllStores) -> Saved:
    saved = Saved(stores)
    await saved.begin()
    return saved


async def test_a_fix_is_stored_with_its_proof_and_what_its_error_says(saved: Saved) -> None:
    proved = saved.fix(provider="openai", model="m", cost_usd=Decimal("0.25"))
    await saved.save(proved)
    fix = await saved.only()
    assert (fix.error_id, fix.repository, fix.path) == (saved.error_id(), NAME, "a.py")
    assert (fix.status, fix.safe, fix.patch) == (FixStatus.VERIFIED, True, proved.patch)
    assert (fix.verification, fix.rejection) == (proved.verification, None)
    assert (fix.provider, fix.model, fix.cost_usd) == ("openai", "m", Decimal("0.25"))
    assert fix.blob_sha == analysis_of(FILES).blobs["a.py"]
    assert await saved.stores.fixes.get(fix.id, EVERYTHING) == fix


async def test_the_latest_outcome_stands_and_the_costs_add_up(saved: Saved) -> None:
    await saved.save(saved.fix(cost_usd=Decimal("0.5")))
    first = await saved.only()
    rejected = saved.fix(
        status=FixStatus.REJECTED, rejection="parses: It does not parse.", cost_usd=Decimal("0.25")
    )
    await saved.save(rejected)
    fix = await saved.only()
    assert (fix.id, fix.created_at) == (first.id, first.created_at)
    assert (fix.status, fix.rejection) == (FixStatus.REJECTED, "parses: It does not parse.")
    assert fix.cost_usd == Decimal("0.75")


async def test_a_published_fix_is_not_taken_back_by_another_outcome(saved: Saved) -> None:
    await saved.save(saved.fix(), saved.fix(1))
    await saved.stores.fixes.mark_published([saved.error_id()], URL)
    await saved.save(saved.fix(status=FixStatus.REJECTED, rejection="x", patch="another"))
    (fix,) = await saved.list(status=FixStatus.PUBLISHED)
    assert (fix.error_id, fix.pull_request_url) == (saved.error_id(), URL)
    assert fix.patch == saved.fix().patch
    assert [fix.error_id for fix in await saved.list(status=FixStatus.VERIFIED)] == [
        saved.error_id(1)
    ]


async def test_only_a_verified_fix_is_marked_as_published(saved: Saved) -> None:
    await saved.save(saved.fix(status=FixStatus.REJECTED, rejection="x"))
    await saved.stores.fixes.mark_published([saved.error_id(), saved.error_id(1)], URL)
    fix = await saved.only()
    assert (fix.status, fix.pull_request_url) == (FixStatus.REJECTED, None)


async def test_a_fix_without_an_error_is_left_out(saved: Saved) -> None:
    stranger = replace(saved.findings[0], fingerprint="0" * 64)
    await saved.save(saved.fix(finding=stranger))
    assert await saved.list() == []


async def test_an_error_shows_its_latest_fix(saved: Saved) -> None:
    await saved.save(saved.fix())
    await saved.stores.fixes.mark_published([saved.error_id()], URL)
    fix = await saved.only()
    error = await saved.stores.errors.get(saved.error_id(), EVERYTHING)
    assert error is not None
    assert error.fix == FixReference(id=fix.id, status="published", pull_request_url=URL)
    without = await saved.stores.errors.get(saved.error_id(1), EVERYTHING)
    assert without is not None
    assert without.fix is None


async def test_lists_are_narrowed_by_repository_and_status_and_come_in_pages(saved: Saved) -> None:
    for number in range(3):
        await saved.save(saved.fix(number))
    assert len(await saved.list(NAME.upper(), FixStatus.VERIFIED)) == 3
    assert await saved.list("octo/none") == []
    assert await saved.list(status=FixStatus.MERGED) == []
    first = await saved.stores.fixes.page(PageRequest(limit=2), None, None, EVERYTHING)
    rest = await saved.stores.fixes.page(
        PageRequest(limit=2, after=first.next), None, None, EVERYTHING
    )
    ids = [fix.error_id for fix in (*first.items, *rest.items)]
    assert (ids, rest.next) == ([saved.error_id(number) for number in (2, 1, 0)], None)


@pytest.mark.parametrize("fix_id", [str(uuid.UUID(int=7)), "no id"])
async def test_an_unknown_fix_is_none(stores: AllStores, fix_id: str) -> None:
    assert await stores.fixes.get(fix_id, EVERYTHING) is None


async def test_what_is_offered_is_told_by_pull_request(saved: Saved) -> None:
    await saved.save(saved.fix(), saved.fix(1), saved.fix(2))
    await saved.stores.fixes.mark_published([saved.error_id(), saved.error_id(1)], URL)
    await saved.stores.fixes.mark_published([saved.error_id(2)], f"{URL}2")
    repository = saved.repository
    assert await saved.stores.fixes.offered(repository.id) == {
        URL: {saved.error_id(): True, saved.error_id(1): True},
        f"{URL}2": {saved.error_id(2): True},
    }
    claim = await new_claim(saved.stores, repository, commit_sha="2" * 40)
    await apply_files(saved.stores, repository, "2" * 40, {"a.py": "BAD(x)"}, claim=claim)
    assert await saved.stores.fixes.offered(repository.id) == {
        URL: {saved.error_id(): True, saved.error_id(1): False},
        f"{URL}2": {saved.error_id(2): False},
    }
    assert await saved.stores.fixes.offered(str(uuid.uuid4())) == {}


async def test_the_end_of_a_pull_request_settles_its_fixes_alone(saved: Saved) -> None:
    await saved.save(saved.fix(), saved.fix(1), saved.fix(2))
    await saved.stores.fixes.mark_published([saved.error_id(), saved.error_id(1)], URL)
    await saved.stores.fixes.mark_published([saved.error_id(2)], f"{URL}2")
    await saved.stores.fixes.settle(
        saved.repository.id, URL, FixStatus.CLOSED, keep=[saved.error_id(1)]
    )
    await saved.stores.fixes.settle(saved.repository.id, f"{URL}2", FixStatus.MERGED)
    statuses = {fix.error_id: fix.status for fix in await saved.list()}
    assert statuses == {
        saved.error_id(): FixStatus.CLOSED,
        saved.error_id(1): FixStatus.PUBLISHED,
        saved.error_id(2): FixStatus.MERGED,
    }
    repository = saved.repository
    assert await saved.stores.fixes.declined(repository.id) == frozenset()
    assert await saved.stores.fixes.withdrawn(repository.id) == {URL}
    assert await saved.stores.fixes.withdrawn(str(uuid.uuid4())) == frozenset()
    # Closed since it was not needed: it may be proposed again. Merged ones are not.
    await saved.save(saved.fix(), saved.fix(2))
    statuses = {fix.error_id: fix.status for fix in await saved.list()}
    assert statuses[saved.error_id()] is FixStatus.VERIFIED
    assert statuses[saved.error_id(2)] is FixStatus.MERGED


async def merge(saved: Saved) -> None:
    await saved.save(saved.fix())
    await saved.stores.fixes.mark_published([saved.error_id()], URL)
    await saved.stores.fixes.settle(saved.repository.id, URL, FixStatus.MERGED)


async def counted(saved: Saved) -> dict[str, int]:
    today = (await saved.only()).created_at.date()
    summary = await saved.stores.summaries.summary(EVERYTHING, since=today, until=today)
    report = await saved.stores.reports.month(today, EVERYTHING)
    by_status = {status.value: number for status, number in report.fixes[0].by_status.items()}
    assert by_status == summary.fixes
    return by_status


async def test_what_was_merged_and_is_needed_again_is_another_proposal(saved: Saved) -> None:
    await merge(saved)
    before = await saved.only()
    for digit, files in (("2", {}), ("3", FILES)):
        claim = await new_claim(saved.stores, saved.repository, commit_sha=digit * 40)
        await apply_files(saved.stores, saved.repository, digit * 40, files, claim=claim)
    await saved.save(saved.fix(patch="another"))
    fix = await saved.only()
    assert (fix.id, fix.status, fix.patch) == (before.id, FixStatus.VERIFIED, "another")
    await saved.stores.fixes.mark_published([saved.error_id()], f"{URL}2")
    assert list(await saved.stores.fixes.offered(saved.repository.id)) == [f"{URL}2"]
    assert await counted(saved) == {"merged": 1, "published": 1}


async def test_what_was_merged_is_in_another_pull_request_only_when_that_is_there(
    saved: Saved,
) -> None:
    """A scan of a commit before the merge proves it again; one of after it offers it again."""
    await merge(saved)
    await saved.save(saved.fix())
    await saved.stores.fixes.mark_published([saved.error_id()], URL)
    assert (await saved.only()).status is FixStatus.MERGED
    assert await counted(saved) == {"merged": 1}
    await saved.stores.fixes.mark_published([saved.error_id()], f"{URL}2")
    fix = await saved.only()
    assert (fix.status, fix.pull_request_url) == (FixStatus.PUBLISHED, f"{URL}2")
    assert await counted(saved) == {"merged": 1, "published": 1}


async def test_what_people_declined_stays_closed(saved: Saved) -> None:
    await saved.save(saved.fix(), saved.fix(1))
    await saved.stores.fixes.mark_published([saved.error_id()], URL)
    await saved.stores.fixes.settle(saved.repository.id, URL, FixStatus.CLOSED, declined=True)
    await saved.save(saved.fix())
    repository = saved.repository
    assert await saved.stores.fixes.withdrawn(repository.id) == frozenset()
    assert await saved.stores.fixes.declined(repository.id) == {saved.error_id()}
    assert await saved.stores.fixes.declined(str(uuid.uuid4())) == frozenset()
    statuses = {fix.error_id: fix.status for fix in await saved.list()}
    assert statuses[saved.error_id()] is FixStatus.CLOSED


async def test_what_people_open_again_is_published_again(saved: Saved) -> None:
    await saved.save(saved.fix(0), saved.fix(1))
    await saved.stores.fixes.mark_published([saved.error_id(0)], URL)
    await saved.stores.fixes.mark_published([saved.error_id(1)], f"{URL}0")
    for url in (URL, f"{URL}0"):
        await saved.stores.fixes.settle(saved.repository.id, url, FixStatus.CLOSED, declined=True)
    await saved.stores.fixes.reopen(saved.repository.id, URL)
    statuses = {fix.error_id: fix.status for fix in await saved.list()}
    assert statuses == {
        saved.error_id(0): FixStatus.PUBLISHED,
        saved.error_id(1): FixStatus.CLOSED,
    }
    declined = await saved.stores.fixes.declined(saved.repository.id)
    assert declined == {saved.error_id(1)}


async def test_what_was_closed_and_is_merged_after_all_is_merged(saved: Saved) -> None:
    await saved.save(saved.fix(0), saved.fix(1))
    await saved.stores.fixes.mark_published([saved.error_id(0), saved.error_id(1)], URL)
    await saved.stores.fixes.settle(
        saved.repository.id, URL, FixStatus.CLOSED, keep=[saved.error_id(1)]
    )
    await saved.stores.fixes.settle(saved.repository.id, URL, FixStatus.CLOSED, declined=True)
    await saved.stores.fixes.settle(saved.repository.id, URL, FixStatus.MERGED)
    statuses = {fix.error_id: fix.status for fix in await saved.list()}
    # The first was taken out of the pull request before.
    assert statuses == {saved.error_id(0): FixStatus.CLOSED, saved.error_id(1): FixStatus.MERGED}
    assert await saved.stores.fixes.declined(saved.repository.id) == frozenset()


async def test_a_pull_request_is_found_by_its_number(saved: Saved) -> None:
    await saved.save(saved.fix(0), saved.fix(1))
    await saved.stores.fixes.mark_published([saved.error_id(0)], URL)
    await saved.stores.fixes.mark_published([saved.error_id(1)], f"{URL}1")
    assert await saved.stores.fixes.page_of(saved.repository.id, 1) == URL
    assert await saved.stores.fixes.page_of(saved.repository.id, 111) is None
    assert await saved.stores.fixes.page_of(str(uuid.uuid4()), 1) is None


async def test_a_pull_request_is_the_same_under_another_name_of_its_repository(
    saved: Saved,
) -> None:
    fixes, repository = saved.stores.fixes, saved.repository
    renamed = URL.replace("sample", "renamed")
    await saved.save(saved.fix(0), saved.fix(1))
    await fixes.mark_published([saved.error_id(0)], URL)
    await fixes.mark_published([saved.error_id(1)], renamed)
    assert await fixes.offered(repository.id) == {
        renamed: {saved.error_id(0): True, saved.error_id(1): True}
    }
    assert await fixes.page_of(repository.id, 1) == renamed
    await fixes.settle(repository.id, renamed, FixStatus.CLOSED, declined=True)
    assert {fix.status for fix in await saved.list()} == {FixStatus.CLOSED}
    await fixes.reopen(repository.id, URL)
    assert {fix.status for fix in await saved.list()} == {FixStatus.PUBLISHED}
    await fixes.settle(repository.id, renamed, FixStatus.MERGED)
    await fixes.mark_published([saved.error_id(0)], renamed)
    assert {fix.status for fix in await saved.list()} == {FixStatus.MERGED}


async def test_a_number_is_another_pull_request_in_another_repository(saved: Saved) -> None:
    await saved.save(saved.fix())
    await saved.stores.fixes.mark_published([saved.error_id()], URL)
    second = await new_repository(saved.stores, "octo/second")
    await saved.stores.fixes.settle(second.id, URL, FixStatus.CLOSED)
    assert (await saved.only()).status is FixStatus.PUBLISHED
    assert await saved.stores.fixes.offered(second.id) == {}


async def test_what_may_be_published_is_proved_offered_nowhere_and_still_needed(
    saved: Saved,
) -> None:
    rejected = saved.fix(2, status=FixStatus.REJECTED, rejection="no")
    await saved.save(saved.fix(0), saved.fix(1), rejected)
    publishable = await saved.stores.fixes.publishable(saved.repository.id, 10)
    assert {fix.error_id for fix in publishable} == {saved.error_id(0), saved.error_id(1)}
    assert len(await saved.stores.fixes.publishable(saved.repository.id, 1)) == 1
    await saved.stores.fixes.mark_published([saved.error_id(0)], URL)
    (fix,) = await saved.stores.fixes.publishable(saved.repository.id, 10)
    assert fix.error_id == saved.error_id(1)
    await apply_files(saved.stores, saved.repository, "2" * 40, {"b.py": FILES["b.py"]})
    assert list(await saved.stores.fixes.publishable(saved.repository.id, 10)) == []
