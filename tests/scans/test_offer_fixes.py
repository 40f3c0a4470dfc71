"""The fixes of a scan's errors are proved once, and the safe ones are offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from kova.adapters.memory.publisher import MemoryPublisher
from kova.analysis.analyze_commit import CommitAnalysis
from kova.errors.error import IgnoreDecision, LifecycleChange
from kova.errors.ports import ErrorFilter
from kova.fixes.fix import Fix, FixStatus, ProvedFix
from kova.fixes.publisher import FixPullRequest, PullState
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    KovaError,
    RepositoryNotFoundError,
)
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.repository import RepositoryRef
from tests.support.stores import NAME, new_claim
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"
TWO = BAD + "\n\ndef g():\n    BAD(y)\n"
SETTINGS = ".kova.toml"


class Scanned:
    """A commit that was analysed and applied, and whose fixes are still to be offered."""

    def __init__(
        self, workshop: Workshop, analysis: CommitAnalysis, change: LifecycleChange
    ) -> None:
        self.workshop, self.analysis, self.change = workshop, analysis, change
        self.folder: Path = workshop.folder
        self.refusal: str | None = None

    @classmethod
    async def at(cls, workshop: Workshop, commit_sha: str, **fields: object) -> Scanned:
        analysis = await workshop.analyze(commit_sha, **fields)
        repository = await workshop.repository()
        claim = await new_claim(workshop.stores, repository, commit_sha=None)
        change = await workshop.stores.errors.apply(claim, commit_sha, analysis)
        return cls(workshop, analysis, change)

    async def offer(self) -> tuple[ProvedFix, ...]:
        repository = await self.workshop.repository()
        claim = await new_claim(self.workshop.stores, repository, commit_sha=None)
        offered = await self.workshop.offer.offer(
            repository, claim, self.analysis, self.change, self.folder
        )
        self.refusal = offered.refusal
        return offered.fixes


async def list_fixes(workshop: Workshop) -> list[Fix]:
    return list((await workshop.stores.fixes.page(PageRequest(), None, None, EVERYTHING)).items)


async def test_proved_fixes_are_stored_and_offered_together(workshop: Workshop) -> None:
    scanned = await Scanned.at(workshop, workshop.push(a=TWO, b=BAD))
    fixes = await scanned.offer()
    assert [(fix.finding.path, fix.status) for fix in fixes] == [
        ("a.py", FixStatus.VERIFIED),
        ("a.py", FixStatus.VERIFIED),
        ("b.py", FixStatus.VERIFIED),
    ]
    (pull,) = workshop.publisher.pull_requests.values()
    assert (pull.title, set(pull.files)) == ("Fix 3 errors in 2 files", {"a.py", "b.py"})
    url = f"https://github.example/{NAME}/pull/1"
    assert {(fix.status, fix.pull_request_url) for fix in await list_fixes(workshop)} == {
        (FixStatus.PUBLISHED, url)
    }


async def test_a_second_scan_proves_nothing_again(workshop: Workshop) -> None:
    sha = workshop.push(a=BAD)
    await (await Scanned.at(workshop, sha)).offer()
    workshop.source.downloaded.clear()
    scanned = await Scanned.at(workshop, sha)
    (fix,) = await scanned.offer()
    assert (fix.status, workshop.source.downloaded) == (FixStatus.VERIFIED, [])
    assert len(workshop.publisher.pull_requests) == 1


async def test_a_file_whose_findings_are_cached_is_fetched_for_its_proof(
    workshop: Workshop,
) -> None:
    sha = workshop.push(a=BAD, b="")
    await workshop.analyze(sha)
    workshop.source.downloaded.clear()
    (fix,) = await (await Scanned.at(workshop, sha)).offer()
    assert (fix.status, workshop.source.downloaded) == (FixStatus.VERIFIED, ["a.py"])


async def test_a_full_scan_proves_again(workshop: Workshop) -> None:
    sha = workshop.push(a=BAD)
    await (await Scanned.at(workshop, sha)).offer()
    workshop.tool.completed = False  # What is proved again is rejected now.
    scanned = await Scanned.at(workshop, sha)
    assert [fix.status for fix in await scanned.offer()] == [FixStatus.VERIFIED]
    workshop.tool.completed = True
    full = await Scanned.at(workshop, sha, full=True)
    workshop.tool.completed = False
    assert [fix.status for fix in await full.offer()] == [FixStatus.REJECTED]


@pytest.mark.parametrize("full", [False, True])
async def test_what_people_ignore_is_never_mended(workshop: Workshop, full: bool) -> None:
    sha = workshop.push(a=TWO)
    await Scanned.at(workshop, sha)
    page = await workshop.stores.errors.page(PageRequest(), ErrorFilter(), EVERYTHING)
    first = min(page.items, key=lambda error: error.finding.span)
    decision = IgnoreDecision(reason="known", by="cli", until=None)
    await workshop.stores.errors.ignore(first.id, decision, EVERYTHING)
    fixes = await (await Scanned.at(workshop, sha, full=full)).offer()
    assert [fix.finding.span.start_line for fix in fixes] == [6]
    (pull,) = workshop.publisher.pull_requests.values()
    assert pull.files == {"a.py": TWO.replace("BAD(y)", "(y)").encode()}


async def test_protected_files_are_proved_and_not_offered(workshop: Workshop) -> None:
    files = {".github/a.py": BAD, "b.py": BAD}
    fixes = await (await Scanned.at(workshop, workshop.push_files(files))).offer()
    assert {fix.status for fix in fixes} == {FixStatus.VERIFIED}
    (pull,) = workshop.publisher.pull_requests.values()
    assert set(pull.files) == {"b.py"}
    assert {fix.path: fix.status for fix in await list_fixes(workshop)} == {
        ".github/a.py": FixStatus.VERIFIED,
        "b.py": FixStatus.PUBLISHED,
    }


async def test_a_branch_that_moved_on_is_left_to_the_newer_scan(workshop: Workshop) -> None:
    scanned = await Scanned.at(workshop, workshop.push(a=BAD))
    workshop.push(a=BAD, b="")
    await scanned.offer()
    assert workshop.publisher.pull_requests == {}
    assert [fix.status for fix in await list_fixes(workshop)] == [FixStatus.VERIFIED]


async def test_an_outage_while_publishing_keeps_the_proofs_for_the_next_attempt(
    workshop: Workshop,
) -> None:
    scanned = await Scanned.at(workshop, workshop.push(a=BAD))
    workshop.publisher.failure = GitHubUnavailableError()
    with pytest.raises(GitHubUnavailableError):
        await scanned.offer()
    (before,) = await list_fixes(workshop)
    workshop.publisher.failure = None
    await scanned.offer()
    (after,) = await list_fixes(workshop)
    assert (before.status, after.status) == (FixStatus.VERIFIED, FixStatus.PUBLISHED)
    assert before.id == after.id


@pytest.mark.parametrize(
    "failure", [GitHubRefusedError("Not yours.", refusal="forbidden"), RepositoryNotFoundError()]
)
async def test_a_pull_request_that_github_refuses_is_told_and_the_fixes_stay_proved(
    workshop: Workshop, failure: KovaError
) -> None:
    scanned = await Scanned.at(workshop, workshop.push(a=BAD))
    workshop.publisher.failure = failure
    (fix,) = await scanned.offer()
    assert (fix.status, scanned.refusal) == (FixStatus.VERIFIED, failure.message)
    workshop.publisher.failure = None
    await scanned.offer()
    assert scanned.refusal is None
    assert [row.status for row in await list_fixes(workshop)] == [FixStatus.PUBLISHED]


async def test_without_anything_to_mend_nothing_is_written(workshop: Workshop) -> None:
    scanned = await Scanned.at(workshop, workshop.push(a="x = 1\n"))
    assert await scanned.offer() == ()
    assert (await list_fixes(workshop), workshop.publisher.pull_requests) == ([], {})


async def offer_at(workshop: Workshop, sha: str) -> None:
    await (await Scanned.at(workshop, sha)).offer()


async def fix_statuses(workshop: Workshop) -> dict[str, FixStatus]:
    return {fix.path: fix.status for fix in await list_fixes(workshop)}


def page_of(number: int) -> str:
    return f"https://github.example/{NAME}/pull/{number}"


async def test_a_change_that_a_person_closed_is_not_offered_again(workshop: Workshop) -> None:
    await offer_at(workshop, workshop.push(a=BAD))
    workshop.publisher.states[page_of(1)] = PullState.CLOSED
    workshop.publisher.pull_requests.clear()
    await offer_at(workshop, workshop.push(a=BAD, c="x = 1\n"))
    assert workshop.publisher.pull_requests == {}
    assert await fix_statuses(workshop) == {"a.py": FixStatus.CLOSED}
    # Another error's fix is a change of its own.
    await offer_at(workshop, workshop.push(a=BAD, b=BAD))
    (pull,) = workshop.publisher.pull_requests.values()
    assert set(pull.files) == {"b.py"}
    assert await fix_statuses(workshop) == {
        "a.py": FixStatus.CLOSED,
        "b.py": FixStatus.PUBLISHED,
    }
    (fix,) = [fix for fix in await list_fixes(workshop) if fix.path == "b.py"]
    assert fix.pull_request_url == page_of(2)


async def test_a_merged_pull_request_leaves_merged_fixes_and_no_branch(workshop: Workshop) -> None:
    await offer_at(workshop, workshop.push(a=BAD))
    workshop.publisher.states[page_of(1)] = PullState.MERGED
    await offer_at(workshop, workshop.push(a="def f():\n    (x)\n"))
    assert await fix_statuses(workshop) == {"a.py": FixStatus.MERGED}
    assert workshop.publisher.deleted_branches == ["kova/fix-main"]
    assert workshop.publisher.comments == {}


@pytest.mark.parametrize("files", [{"a": "def f():\n    (x)\n"}, {"b": "x = 1\n"}])
async def test_a_pull_request_whose_errors_are_gone_is_closed_with_a_comment(
    workshop: Workshop, files: dict[str, str]
) -> None:
    """They were mended by hand, or their file was deleted."""
    await offer_at(workshop, workshop.push(a=BAD))
    await offer_at(workshop, workshop.push(**files))
    assert await fix_statuses(workshop) == {"a.py": FixStatus.CLOSED}
    assert workshop.publisher.states == {page_of(1): PullState.CLOSED}
    (comment,) = workshop.publisher.comments[page_of(1)]
    assert "gone from `main`" in comment
    # Kova closed it, and no person: what comes back is offered again.
    await offer_at(workshop, workshop.push(a=BAD))
    assert await fix_statuses(workshop) == {"a.py": FixStatus.PUBLISHED}


async def test_a_fix_that_is_no_longer_needed_leaves_the_pull_request(workshop: Workshop) -> None:
    await offer_at(workshop, workshop.push(a=BAD, b=BAD))
    await offer_at(workshop, workshop.push(a=BAD, b="x = 1\n"))
    assert await fix_statuses(workshop) == {
        "a.py": FixStatus.PUBLISHED,
        "b.py": FixStatus.CLOSED,
    }
    assert workshop.publisher.comments == {}


class LostAnswers(MemoryPublisher):
    """Opens a pull request, and nobody hears of it: as where the worker dies then."""

    is_lost = True

    async def pull_request(self, repository_ref: RepositoryRef, pull: FixPullRequest) -> str | None:
        url = await super().pull_request(repository_ref, pull)
        if self.is_lost:
            raise GitHubUnavailableError
        return url


async def test_what_people_closed_before_it_was_recorded_is_not_offered_again(
    workshop: Workshop,
) -> None:
    workshop.publisher = publisher = LostAnswers(workshop.source)
    with pytest.raises(GitHubUnavailableError):
        await offer_at(workshop, workshop.push(a=BAD))
    publisher.is_lost = False
    workshop.publisher.states[page_of(1)] = PullState.CLOSED
    await offer_at(workshop, workshop.push(a=BAD, b=BAD))
    (pull,) = workshop.publisher.pull_requests.values()
    assert set(pull.files) == {"b.py"}
    assert await fix_statuses(workshop) == {"a.py": FixStatus.CLOSED, "b.py": FixStatus.PUBLISHED}
