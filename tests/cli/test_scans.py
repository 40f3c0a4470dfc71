"""`kova scans retry` and `kova replay`: failed scans are queued again, each once."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from subprocess import CompletedProcess

import boto3
import psycopg
import pytest

from kova.scans.message import ScanJob, decode_scan_job
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.reach import EVERYTHING
from tests.support.kova_process import run_command
from tests.support.queues import environment, make_queue
from tests.support.stores import AllStores, new_repository, postgres_stores, scan_target


@dataclass
class RetryDesk:
    """A database with scans, their queue, and the command line."""

    url: str
    queue_url: str
    stores: AllStores

    def run(self, *arguments: str, **settings: str) -> CompletedProcess[str]:
        own = {"KOVA_DATABASE_URL": self.url, "KOVA_SCAN_QUEUE_URL": self.queue_url}
        return run_command(*arguments, environment=environment() | own | settings)

    def jobs(self) -> list[ScanJob]:
        """Take what was sent out of the queue."""
        client = boto3.client("sqs")
        messages = client.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        client.close()
        return [decode_scan_job(message["Body"]) for message in messages.get("Messages", [])]

    async def fail(self, full_name: str, hour: int = 8, **fields: object) -> tuple[str, ScanTarget]:
        """Let a scan of a repository fail at an hour; return its id and target."""
        known = await self.stores.repositories.get(full_name, EVERYTHING)
        repository = known or await new_repository(self.stores, full_name)
        target = scan_target(repository=full_name, trigger=Trigger.PUSH, scan_id=None, **fields)
        scan = await self.stores.scans.create(target, repository.id)
        await self.stores.scans.fail(scan.id, "github_refused: No.")
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "UPDATE scans SET finished_at = %s WHERE id = %s",
                (f"2026-11-30T{hour:02}:00:00Z", uuid.UUID(scan.id)),
            )
        return scan.id, target

    def statuses(self) -> dict[str, str]:
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT id::text, status FROM scans").fetchall()
        return dict(rows)


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[RetryDesk]:
    async with postgres_stores(database_url) as stores:
        yield RetryDesk(database_url, make_queue(), stores)


async def test_a_scan_is_queued_again_by_its_id(desk: RetryDesk) -> None:
    scan_id, target = await desk.fail("octo/sample")
    other_id, _ = await desk.fail("octo/sample")
    process = desk.run("scans", "retry", scan_id)
    assert process.returncode == 0, process.stderr
    assert process.stdout == (
        f"queued again: {scan_id} octo/sample refs/heads/main {target.commit_sha}\n"
        "1 scan queued again.\n"
    )
    assert desk.jobs() == [ScanJob(target=target)]
    assert desk.statuses() == {scan_id: "queued", other_id: "failed"}


async def test_a_repositorys_scans_and_all_since_a_moment_are_queued_again(desk: RetryDesk) -> None:
    ids = {
        (name, hour): (await desk.fail(f"octo/{name}", hour))[0]
        for name in ("a", "b")
        for hour in (7, 9)
    }
    process = desk.run("scans", "retry", "--repository", "OCTO/a", "--since", "2026-11-30T08:00Z")
    assert process.stdout.splitlines()[-1] == "1 scan queued again."
    assert [job.target.repository for job in desk.jobs()] == ["octo/a"]
    process = desk.run("scans", "retry", "--since", "2026-11-30T08:00:00+00:00")
    assert ids["b", 9] in process.stdout
    assert process.stdout.splitlines()[-1] == "1 scan queued again."
    process = desk.run("scans", "retry", "--repository", "octo/b")
    assert ids["b", 7] in process.stdout
    assert desk.statuses()[ids["a", 7]] == "failed"
    assert len(desk.jobs()) == 2
    assert desk.run("scans", "retry", "--repository", "octo/b").stdout == "0 scans queued again.\n"


async def test_many_failed_scans_are_each_queued_once(desk: RetryDesk) -> None:
    for _ in range(130):
        await desk.fail("octo/sample")
    process = desk.run("scans", "retry", "--repository", "octo/sample")
    assert process.stdout.splitlines()[-1] == "130 scans queued again."
    assert set(desk.statuses().values()) == {"queued"}


async def test_a_delivery_is_done_again_however_its_scan_ended(desk: RetryDesk) -> None:
    scan_id, target = await desk.fail("octo/sample", delivery="guid-1")
    await desk.stores.deliveries.remember("guid-1", "push", scan_id)
    process = desk.run("replay", "guid-1")
    assert process.stdout.startswith(f"queued again: {scan_id} octo/sample")
    assert desk.jobs() == [ScanJob(target=replace(target, rerun=True))]
    process = desk.run("replay", "guid-1")
    assert process.stderr == f"kova: The scan {scan_id} is queued or running.\n"
    with psycopg.connect(desk.url) as connection:
        connection.execute("UPDATE scans SET status = 'succeeded'")
    assert desk.run("replay", "guid-1").returncode == 0
    assert desk.statuses() == {scan_id: "queued"}


async def test_a_row_of_before_its_target_was_recorded_is_taken_up_too(desk: RetryDesk) -> None:
    api_id = str(uuid.uuid4())
    targets = [
        scan_target(trigger=Trigger.PUSH, scan_id=None),
        scan_target(scan_id=api_id),
        scan_target(
            trigger=Trigger.PULL_REQUEST,
            scan_id=None,
            pull_request=7,
            base_sha="b" * 40,
            ref="refs/pull/7/head",
        ),
    ]
    repository = await new_repository(desk.stores)
    for target in targets:
        scan = await desk.stores.scans.create(target, repository.id)
        await desk.stores.scans.fail(scan.id, "x")
    with psycopg.connect(desk.url) as connection:
        connection.execute("UPDATE scans SET target = NULL")
    assert desk.run("scans", "retry", "--repository", repository.full_name).returncode == 0
    keys = {job.target.dedupe_key for job in desk.jobs()}
    assert keys == {target.dedupe_key for target in targets}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["retry"], "Name scans by their ids, or by --repository and --since."),
        (
            ["retry", "x", "--repository", "o/r"],
            "Name scans by their ids, or by --repository and --since.",
        ),
        (["retry", "--since", "soon"], "--since is a moment such as 2026-11-30T08:00:00Z."),
        (["retry", "no-id"], "There is no scan no-id."),
        (["retry", str(uuid.UUID(int=1))], f"There is no scan {uuid.UUID(int=1)}."),
    ],
)
async def test_what_cannot_be_retried_is_one_line(
    desk: RetryDesk, arguments: list[str], message: str
) -> None:
    process = desk.run("scans", *arguments)
    assert (process.returncode, process.stdout, process.stderr) == (2, "", f"kova: {message}\n")


async def test_a_scan_that_has_not_failed_is_left_alone(desk: RetryDesk) -> None:
    repository = await new_repository(desk.stores)
    scan = await desk.stores.scans.create(scan_target(), repository.id)
    process = desk.run("scans", "retry", scan.id)
    assert process.stderr == f"kova: The scan {scan.id} has not failed.\n"
    assert desk.jobs() == []


async def test_a_delivery_that_kova_does_not_know_is_said_with_what_to_do(desk: RetryDesk) -> None:
    process = desk.run("replay", "guid-9")
    assert process.returncode == 2
    assert "No scan of this delivery has ended. GitHub can send it again" in process.stderr


async def test_without_the_queue_the_scan_stays_queued_for_housekeeping(desk: RetryDesk) -> None:
    scan_id, _ = await desk.fail("octo/sample")
    process = desk.run("scans", "retry", scan_id, AWS_ENDPOINT_URL_SQS="http://127.0.0.1:9")
    assert process.stderr == "kova: The queue does not accept messages.\n"
    assert desk.statuses() == {scan_id: "queued"}
