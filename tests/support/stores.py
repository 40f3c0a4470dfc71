"""All stores over one database, in memory or in Postgres, and the rows that tests begin with."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from kova.access.api_key import ApiKey, Scope, generate_key
from kova.access.ports import ApiKeyStore, IdempotencyStore
from kova.adapters.memory.api_keys import MemoryApiKeyStore
from kova.adapters.memory.audit import MemoryAuditStore
from kova.adapters.memory.budget import MemoryBudgetStore
from kova.adapters.memory.cache import MemoryAnalysisCache
from kova.adapters.memory.code_index import MemoryCodeIndex
from kova.adapters.memory.commands import MemoryCommandStore
from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.deliveries import MemoryDeliveryStore
from kova.adapters.memory.errors import MemoryErrorStore
from kova.adapters.memory.fixes import MemoryFixStore, MemoryPullLeases
from kova.adapters.memory.idempotency import MemoryIdempotencyStore
from kova.adapters.memory.notices import MemoryNoticeStore
from kova.adapters.memory.pushes import MemoryPushStore
from kova.adapters.memory.reports import MemoryReportStore
from kova.adapters.memory.repositories import MemoryRepositoryStore
from kova.adapters.memory.saved_views import MemorySavedViewStore
from kova.adapters.memory.scan_recovery import MemoryScanRecovery
from kova.adapters.memory.scans import MemoryScanStore
from kova.adapters.memory.summary import MemorySummaryStore
from kova.adapters.memory.usage import MemoryUsageStore
from kova.adapters.postgres.api_keys import PostgresApiKeyStore
from kova.adapters.postgres.audit import PostgresAuditStore
from kova.adapters.postgres.budget import PostgresBudgetStore
from kova.adapters.postgres.cache import PostgresAnalysisCache
from kova.adapters.postgres.code_index import PostgresCodeIndex
from kova.adapters.postgres.commands import PostgresCommandStore
from kova.adapters.postgres.deliveries import PostgresDeliveryStore
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.fixes import PostgresFixStore, PostgresPullLeases
from kova.adapters.postgres.idempotency import PostgresIdempotencyStore
from kova.adapters.postgres.notices import PostgresNoticeStore
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.pushes import PostgresPushStore
from kova.adapters.postgres.reports import PostgresReportStore
from kova.adapters.postgres.repositories import PostgresRepositoryStore
from kova.adapters.postgres.saved_views import PostgresSavedViewStore
from kova.adapters.postgres.scan_recovery import PostgresScanRecovery
from kova.adapters.postgres.scans import PostgresScanStore
from kova.adapters.postgres.summary import PostgresSummaryStore
from kova.adapters.postgres.usage import PostgresUsageStore
from kova.code_index.ports import CodeIndex
from kova.commands.ports import CommandStore
from kova.errors.error import LifecycleChange
from kova.errors.lifecycle import History
from kova.errors.ports import SavedViewStore
from kova.models.ports import BudgetStore, UsageStore
from kova.notifications.ports import NoticeStore
from kova.reports.ports import ReportStore
from kova.scans.ports import Stores, SummaryStore
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.claimed_scan import ClaimedScan
from kova.shared.ports import AuditStore
from kova.shared.reach import EVERYTHING
from kova.shared.repository import Repository, RepositoryChange, RepositoryInfo
from tests.support.findings import analysis_of

LEASE = timedelta(seconds=60)
NAME = "octo/sample"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class AllStores(Stores):
    """All stores of Postgres."""

    audit: AuditStore
    keys: ApiKeyStore
    idempotency: IdempotencyStore
    commands: CommandStore
    budget: BudgetStore
    usage: UsageStore
    code_index: CodeIndex
    summaries: SummaryStore
    notices: NoticeStore
    saved_views: SavedViewStore
    reports: ReportStore


def memory_stores(database: MemoryDatabase, *, cache_bytes: int = 1_000_000) -> AllStores:
    keys, repositories = MemoryApiKeyStore(), MemoryRepositoryStore(database)
    commands = MemoryCommandStore()
    budget = MemoryBudgetStore(keys=keys, repositories=repositories, outbox=database.outbox)
    return AllStores(
        repositories=repositories,
        scans=MemoryScanStore(database),
        recovery=MemoryScanRecovery(database),
        pushes=MemoryPushStore(database),
        errors=MemoryErrorStore(database),
        fixes=MemoryFixStore(database),
        pull_leases=MemoryPullLeases(database),
        deliveries=MemoryDeliveryStore(database),
        cache=MemoryAnalysisCache(database, age=timedelta(hours=1), size=cache_bytes),
        audit=MemoryAuditStore(database),
        keys=keys,
        idempotency=MemoryIdempotencyStore(),
        commands=commands,
        budget=budget,
        notices=MemoryNoticeStore(database),
        saved_views=MemorySavedViewStore(),
        usage=MemoryUsageStore(commands=commands, keys=keys, repositories=repositories),
        code_index=MemoryCodeIndex(),
        summaries=MemorySummaryStore(database, budget.spent_by),
        reports=MemoryReportStore(database, commands),
    )


@asynccontextmanager
async def postgres_stores(url: str) -> AsyncIterator[AllStores]:
    database = Database(url)
    try:
        yield AllStores(
            repositories=PostgresRepositoryStore(database),
            scans=PostgresScanStore(database),
            recovery=PostgresScanRecovery(database),
            pushes=PostgresPushStore(database),
            errors=PostgresErrorStore(database),
            fixes=PostgresFixStore(database),
            pull_leases=PostgresPullLeases(database),
            deliveries=PostgresDeliveryStore(database),
            cache=PostgresAnalysisCache(database, age=timedelta(hours=1), size=1_000),
            audit=PostgresAuditStore(database),
            keys=PostgresApiKeyStore(database),
            idempotency=PostgresIdempotencyStore(database),
            commands=PostgresCommandStore(database),
            budget=PostgresBudgetStore(database),
            usage=PostgresUsageStore(database),
            code_index=PostgresCodeIndex(database),
            summaries=PostgresSummaryStore(database),
            notices=PostgresNoticeStore(database),
            saved_views=PostgresSavedViewStore(database),
            reports=PostgresReportStore(database),
        )
    finally:
        await database.close()


def repository_info(full_name: str = NAME, **fields: object) -> RepositoryInfo:
    values: dict[str, object] = {
        "full_name": full_name,
        "github_id": next(_NUMBERS),
        "installation_id": None,
        "default_branch": "main",
        "private": False,
    }
    return RepositoryInfo(**{**values, **fields})  # type: ignore[arg-type]


async def new_repository(stores: Stores, full_name: str = NAME) -> Repository:
    return await stores.repositories.save(repository_info(full_name))


async def new_key(stores: AllStores, name: str = "k", **fields: object) -> ApiKey:
    """Create a key; `fields` are the others that ApiKeyStore.create() takes."""
    new = generate_key()
    values: dict[str, object] = {"scopes": frozenset({Scope.READ}), "expires_at": None, **fields}
    return await stores.keys.create(
        name=name,
        prefix=new.prefix,
        secret_hash=new.secret_hash,
        **values,  # type: ignore[arg-type]
    )


async def new_repository_with_budget(stores: Stores, budget: str) -> None:
    await new_repository(stores)
    change = RepositoryChange(
        named=frozenset({"monthly_budget_usd"}), monthly_budget_usd=Decimal(budget)
    )
    await stores.repositories.change(NAME, change, "cli", EVERYTHING)


def scan_target(**fields: object) -> ScanTarget:
    """Return a target of its own: no two of them are one scan unless `scan_id` is given."""
    values: dict[str, object] = {
        "repository": NAME,
        "trigger": Trigger.API,
        "ref": "refs/heads/main",
        "commit_sha": f"{next(_NUMBERS):040x}",
        "scan_id": str(uuid.uuid4()),
    }
    return ScanTarget(**{**values, **fields})  # type: ignore[arg-type]


async def new_claim(stores: Stores, repository: Repository, **fields: object) -> ClaimedScan:
    scan = await stores.scans.create(scan_target(**fields), repository.id)
    claim = await stores.scans.claim(scan.id, LEASE)
    assert claim is not None
    return claim


async def release(stores: Stores, claim: ClaimedScan) -> None:
    """Give a claim up: the scan waits for its next attempt, which is due."""
    await stores.scans.postpone(claim, timedelta())


async def apply_files(
    stores: Stores,
    repository: Repository,
    commit_sha: str,
    files: Mapping[str, str],
    *,
    claim: ClaimedScan | None = None,
    history: History | None = None,
    **analysis: object,
) -> LifecycleChange:
    """Apply the analysis of a small tree (tests/support/findings.py) as one scan."""
    is_own = claim is None
    if claim is None:
        claim = await new_claim(stores, repository, commit_sha=commit_sha)
    result = analysis_of(files, **analysis)  # type: ignore[arg-type]
    change = await stores.errors.apply(claim, commit_sha, result, history)
    if is_own:
        await release(stores, claim)
    return change
