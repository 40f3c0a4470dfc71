"""A scan from its job to the published result; its worker may be killed at any instruction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kova.errors.error import ErrorRecord, ErrorStatus
from kova.errors.ports import ErrorFilter
from kova.fixes.fix import Fix, FixStatus
from kova.scans.message import ScanJob
from kova.scans.scan import ScanStatus, ScanTarget, Trigger
from kova.shared.code_source import TreeFile
from kova.shared.exceptions import (
    BusyError,
    DatabaseUnavailableError,
    GitHubUnavailableError,
    InvalidInputError,
)
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.repository import AutoFix, Repository, RepositoryChange
from kova.shared.run_job import JobEnded, Later, SettledError
from tests.support.stores import LEASE, NAME, scan_target
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"
MENDED = b"def f():\n    (x)\n"
BRANCH = (NAME, "kova/fix-main")


async def list_errors(workshop: Workshop) -> list[ErrorRecord]:
    return list((await workshop.stores.errors.page(PageRequest(), ErrorFilter(), EVERYTHING)).items)


async def list_fixes(workshop: Workshop) -> list[Fix]:
    return list((await workshop.stores.fixes.page(PageRequest(), None, None, EVERYTHING)).items)


async def test_a_branch_is_scanned_to_its_rows_check_run_and_pull_request(
    workshop: Workshop,
) -> None:
    head = workshop.push(a=BAD, b="x = 1\n")
    scan = await workshop.scan()
    assert (scan.status, scan.commit_sha, scan.failure) == (ScanStatus.SUCCEEDED, head, None)
    assert (scan.stats.files, scan.stats.errors, scan.stats.new_errors) == (2, 1, 1)
    assert scan.coverage["files"]["analyzed"] == 2
    assert scan.check_run_url == f"https://github.example/{NAME}/runs/1"
    (error,) = await list_errors(workshop)
    assert (error.status, error.introduced_in) == (ErrorStatus.OPEN, head)
    check_run = workshop.publisher.check_runs[NAME, head, "kova/branch"]
    assert (check_run.conclusion, len(check_run.annotations)) == ("failure", 1)
    pull = workshop.publisher.pull_requests[BRANCH]
    assert (pull.files, pull.base_sha) == ({"a.py": MENDED}, head)
    (fix,) = await list_fixes(workshop)
    assert (fix.error_id, fix.status) == (error.id, FixStatus.PUBLISHED)


async def test_a_job_without_a_commit_scans_the_head_of_the_default_branch(
    workshop: Workshop,
) -> None:
    head = workshop.push(a=BAD)
    scan = await workshop.scan_target(scan_target(ref=None, commit_sha=None))
    assert (scan.ref, scan.commit_sha) == ("refs/heads/main", head)
    assert len(await list_errors(workshop)) == 1


async def test_a_job_of_an_unknown_repository_asks_github_what_it_is(workshop: Workshop) -> None:
    head = workshop.push(a=BAD)
    await workshop.scan_target(scan_target(commit_sha=head))
    assert (await workshop.repository()).github_id == workshop.info.github_id


@pytest.mark.parametrize("private", [True, False])
async def test_where_an_event_says_something_else_github_is_asked(
    workshop: Workshop, *, private: bool
) -> None:
    repository = await workshop.repository()
    workshop.source.change_repository(NAME, installation_id=9, private=private)
    await workshop.scan_target(
        scan_target(
            commit_sha=workshop.push(a=""),
            github_id=workshop.info.github_id,
            default_branch="main",
            private=True,
        )
    )
    updated = await workshop.stores.repositories.get(NAME, EVERYTHING)
    assert updated is not None
    shown = (updated.id, updated.installation_id, updated.private)
    assert shown == (repository.id, 9, private)


async def test_an_event_that_says_what_is_known_asks_nothing(workshop: Workshop) -> None:
    repository = await workshop.repository()
    target = scan_target(
        commit_sha=workshop.push(a=""), github_id=workshop.info.github_id, default_branch="main"
    )
    workshop.source.change_repository(NAME, private=True)
    await workshop.scan_target(target)
    row = await workshop.stores.repositories.get(NAME, EVERYTHING)
    assert row == repository


async def test_the_same_push_again_is_scanned_once(workshop: Workshop) -> None:
    push = scan_target(trigger=Trigger.PUSH, scan_id=None, commit_sha=workshop.push(a=BAD))
    first = await workshop.scan_target(push)
    second = await workshop.scan_target(push)
    assert second == first
    assert workshop.tool.runs == [["a.py"]]


async def test_a_delivery_is_remembered_with_its_scan_also_when_it_comes_again(
    workshop: Workshop,
) -> None:
    head = workshop.push(a="")
    fields = {"trigger": Trigger.PUSH, "scan_id": None, "commit_sha": head}
    first = await workshop.scan_target(scan_target(**fields, delivery="guid-1"))
    await workshop.scan_target(scan_target(**fields, delivery="guid-2"))
    for delivery in ("guid-1", "guid-2"):
        assert await workshop.stores.deliveries.scan_of(delivery) == first.id


async def test_a_commit_that_another_worker_scans_is_left_to_it(workshop: Workshop) -> None:
    target = scan_target(commit_sha=workshop.push(a=BAD), delivery="guid")
    repository = await workshop.repository()
    scan = await workshop.stores.scans.create(target, repository.id)
    await workshop.stores.scans.claim(scan.id, LEASE)
    plan, error = await workshop.fail_to_scan(target)
    assert (type(plan), type(error)) == (Later, BusyError)
    assert workshop.tool.runs == []
    assert workshop.database.deliveries == {}


async def test_a_worker_that_died_is_followed_by_another(workshop: Workshop) -> None:
    target = scan_target(commit_sha=workshop.push(a=BAD))
    repository = await workshop.repository()
    scan = await workshop.stores.scans.create(target, repository.id)
    await workshop.stores.scans.claim(scan.id, timedelta(seconds=-1))
    assert (await workshop.scan_target(target)).status is ScanStatus.SUCCEEDED


async def test_an_outage_of_github_leaves_the_scan_to_the_next_attempt(workshop: Workshop) -> None:
    target = scan_target(commit_sha=workshop.push(a=BAD), delivery="guid")
    await workshop.repository()
    workshop.source.failure = GitHubUnavailableError()
    plan, error = await workshop.fail_to_scan(target)
    assert (type(plan), type(error)) == (Later, GitHubUnavailableError)
    scan = await workshop.stores.scans.get(target.scan_id or "", EVERYTHING)
    assert scan is not None
    assert (scan.status, workshop.database.deliveries) == (ScanStatus.QUEUED, {})
    workshop.source.failure = None
    scan = await workshop.scan_target(target)
    assert (scan.status, scan.stats.new_errors) == (ScanStatus.SUCCEEDED, 1)


async def test_an_outage_while_publishing_loses_nothing_and_counts_once(
    workshop: Workshop,
) -> None:
    head = workshop.push(a=BAD)
    target = scan_target(commit_sha=head)
    workshop.publisher.failure = GitHubUnavailableError()
    plan, error = await workshop.fail_to_scan(target)
    assert (type(plan), type(error)) == (Later, GitHubUnavailableError)
    assert len(await list_errors(workshop)) == 1
    workshop.publisher.failure = None
    scan = await workshop.scan_target(target)
    assert (scan.stats.new_errors, scan.stats.errors) == (1, 1)
    assert len(workshop.publisher.check_runs[NAME, head, "kova/branch"].annotations) == 1
    assert [fix.status for fix in await list_fixes(workshop)] == [FixStatus.PUBLISHED]


async def test_what_trying_again_cannot_mend_fails_the_scan_with_its_reason(
    workshop: Workshop,
) -> None:
    target = scan_target(commit_sha=workshop.push(a=BAD), delivery="guid")
    await workshop.repository()
    workshop.source.failure = InvalidInputError("The tree is no tree.")
    plan, _ = await workshop.fail_to_scan(target)
    assert plan == JobEnded(reason="invalid_input: The tree is no tree.")
    scan = await workshop.stores.scans.get(target.scan_id or "", EVERYTHING)
    assert scan is not None
    assert (scan.status, scan.failure) == (ScanStatus.FAILED, plan.reason)
    assert await workshop.stores.deliveries.scan_of("guid") == scan.id
    assert await list_errors(workshop) == []


async def test_without_the_database_the_message_waits(workshop: Workshop) -> None:
    target = scan_target(commit_sha=workshop.push(a=BAD))
    workshop.database.available = False
    plan, error = await workshop.fail_to_scan(target)
    assert (type(plan), type(error)) == (Later, DatabaseUnavailableError)


async def test_the_second_scan_reads_nothing_again_and_counts_what_changed(
    workshop: Workshop,
) -> None:
    workshop.push(a=BAD, b=BAD)
    await workshop.scan()
    workshop.push(a=BAD, b="")
    scan = await workshop.scan()
    assert (scan.stats.files_cached, scan.stats.fixed_errors, scan.stats.errors) == (1, 1, 1)
    assert workshop.tool.runs[-1] == ["b.py"]


async def test_an_older_commit_shows_its_status_and_changes_no_error(workshop: Workshop) -> None:
    older = workshop.push(a=BAD)
    workshop.push(a="")
    await workshop.scan()
    scan = await workshop.scan(commit_sha=older)
    assert (scan.status, scan.stats.new_errors) == (ScanStatus.SUCCEEDED, 0)
    assert await list_errors(workshop) == []
    check_run = workshop.publisher.check_runs[NAME, older, "kova/branch"]
    assert check_run.conclusion == "failure"
    assert workshop.publisher.pull_requests == {}


async def test_a_pull_request_shows_what_it_brings_and_changes_no_error(
    workshop: Workshop,
) -> None:
    base = workshop.push(a=BAD)
    await workshop.scan(fix=False)
    head = workshop.push("feature", a=BAD, b=BAD)
    number = workshop.source.open_pull_request(NAME, head="feature").number
    scan = await workshop.scan(
        trigger=Trigger.PULL_REQUEST, pull_request=number, base_sha=base, commit_sha=head
    )
    assert (scan.stats.new_errors, len(await list_errors(workshop))) == (1, 1)
    check_run = workshop.publisher.check_runs[NAME, head, "kova/pull/1"]
    assert [note.path for note in check_run.annotations] == ["b.py"]
    assert workshop.publisher.pull_requests == {}


async def test_a_scan_without_fixes_proves_none(workshop: Workshop) -> None:
    workshop.push(a=BAD)
    await workshop.scan(fix=False)
    assert (await list_fixes(workshop), workshop.publisher.pull_requests) == ([], {})


async def test_what_an_administrator_does_not_allow_is_proved_and_not_pushed(
    workshop: Workshop,
) -> None:
    await workshop.repository()
    change = RepositoryChange(named=frozenset({"auto_fix"}), auto_fix=AutoFix.SUGGEST)
    await workshop.stores.repositories.change(NAME, change, "cli", EVERYTHING)
    workshop.push(a=BAD)
    await workshop.scan()
    assert [fix.status for fix in await list_fixes(workshop)] == [FixStatus.VERIFIED]
    assert workshop.publisher.pull_requests == {}


class ListedFiles:
    """Implements scans.ports.CodeIndexer by listing what it is given."""

    def __init__(self, workshop: Workshop) -> None:
        self.calls: list[tuple[str | None, list[str], bytes, ScanStatus]] = []
        self._workshop = workshop

    async def index(
        self, repository: Repository, target: ScanTarget, folder: Path, files: Sequence[TreeFile]
    ) -> None:
        assert repository.full_name == target.repository
        scan = await self._workshop.stores.scans.get(target.scan_id or "", EVERYTHING)
        assert scan is not None
        content = (folder / "a.py").read_bytes()
        paths = [file.path for file in files]
        self.calls.append((target.commit_sha, paths, content, scan.status))


async def test_a_finished_scan_fills_the_code_index_with_its_commit(workshop: Workshop) -> None:
    workshop.indexer = indexer = ListedFiles(workshop)
    head = workshop.push(a=BAD, b="")
    await workshop.scan_target(scan_target(ref=None, commit_sha=None))
    assert indexer.calls == [(head, ["a.py", "b.py"], BAD.encode(), ScanStatus.SUCCEEDED)]


async def test_a_scan_that_failed_does_not_touch_the_code_index(workshop: Workshop) -> None:
    workshop.indexer = indexer = ListedFiles(workshop)
    workshop.push(a=BAD)
    await workshop.fail_to_scan(scan_target(commit_sha="0" * 40))
    assert indexer.calls == []


async def test_a_scan_that_lost_its_lease_does_not_end_the_one_of_its_successor(
    workshop: Workshop,
) -> None:
    target = scan_target(commit_sha=workshop.push(a=BAD), scan_id=str(uuid.uuid4()))
    repository = await workshop.repository()
    scan = await workshop.stores.scans.create(target, repository.id)
    late = await workshop.stores.scans.claim(scan.id, timedelta(seconds=-1))
    successor = await workshop.stores.scans.claim(scan.id, LEASE)
    assert late is not None
    assert successor is not None
    job = ScanJob(target=target)
    with pytest.raises(SettledError) as refused:
        await workshop.job._attempt(repository, job, late, workshop.new_folder())
    assert isinstance(refused.value.plan, Later)
    assert await list_errors(workshop) == []
    assert await workshop.stores.scans.renew(successor, LEASE)
    running = await workshop.stores.scans.get(scan.id, EVERYTHING)
    assert running is not None
    assert running.status is ScanStatus.RUNNING


async def test_a_late_delivery_does_not_take_a_name_from_its_present_owner(
    workshop: Workshop,
) -> None:
    head = workshop.push(a=BAD)
    await workshop.scan()
    earlier_owner = scan_target(commit_sha=head, github_id=77, default_branch="main")
    with pytest.raises(SettledError) as refused:
        await workshop.job.scan(ScanJob(target=earlier_owner))
    assert isinstance(refused.value.plan, Later)
    row = await workshop.stores.repositories.get(NAME, EVERYTHING)
    assert row is not None
    assert row.github_id == workshop.info.github_id


async def test_a_repository_takes_the_name_of_one_that_gave_it_up(workshop: Workshop) -> None:
    head = workshop.push(a=BAD)
    await workshop.stores.repositories.save(replace(workshop.info, github_id=77))
    target = scan_target(commit_sha=head, github_id=workshop.info.github_id, default_branch="main")
    await workshop.job.scan(ScanJob(target=target))
    row = await workshop.stores.repositories.get(NAME, EVERYTHING)
    assert row is not None
    assert row.github_id == workshop.info.github_id
