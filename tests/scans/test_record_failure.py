"""A scan that is given up is seen as failed; without the database its message waits."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.scans import PostgresScanStore
from kova.scans.record_failure import RecordFailure
from kova.scans.scan import ScanStatus, ScanTarget, Trigger
from kova.shared.page import PageRequest
from kova.shared.repository import RepositoryInfo
from kova.shared.retry import GiveUp, Retry

PLAN = GiveUp(reason="github_refused")
TARGET = ScanTarget(repository="octo/sample", trigger=Trigger.API, scan_id=str(uuid.uuid4()))


def failure_of(database: Database) -> RecordFailure:
    return RecordFailure(
        repositories=PostgresRepositoryStore(database), scans=PostgresScanStore(database)
    )


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def test_the_scan_of_a_job_that_is_given_up_has_failed(database: Database) -> None:
    info = RepositoryInfo(
        full_name=TARGET.repository,
        github_id=1,
        installation_id=None,
        default_branch="main",
        private=False,
    )
    await PostgresRepositoryStore(database).save(info)
    for _ in range(2):  # A message may come twice.
        assert await failure_of(database).record(TARGET, PLAN) == PLAN
    (scan,) = (await PostgresScanStore(database).page(PageRequest(), TARGET.repository)).items
    assert (scan.id, scan.status, scan.failure) == (
        TARGET.scan_id,
        ScanStatus.FAILED,
        "github_refused",
    )


async def test_the_job_of_an_unknown_repository_leaves_no_scan(database: Database) -> None:
    assert await failure_of(database).record(TARGET, PLAN) == PLAN
    assert not (await PostgresScanStore(database).page(PageRequest(), None)).items


async def test_without_the_database_the_message_waits_for_it() -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none")
    try:
        assert await failure_of(database).record(TARGET, PLAN) == Retry(delay=60)
    finally:
        await database.close()
