"""The pages over twins in this process, as people of each role see them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import httpx
import pytest

import functions.reports.app
from functions.dashboard.app import load_all
from kova.access.admit import admit_attempt
from kova.access.identity import GOOGLE, Identity
from kova.access.manage_keys import ManageKeys
from kova.access.person import csrf_token
from kova.access.rate_limit import Policy, Verdict
from kova.access.sign_in import SignIn
from kova.access.sign_in_rules import SignInRules
from kova.access.subject import Role
from kova.adapters.analyzers.registry import ANALYZERS
from kova.adapters.memory.admissions import MemoryAdmissions
from kova.adapters.memory.queues import MemoryFixQueue, MemoryScanQueue
from kova.errors.change_error import ChangeError
from kova.errors.error import ErrorRecord
from kova.errors.ports import ErrorFilter
from kova.fixes.request_publish import RequestPublish
from kova.reports.gather_tables import GatherTables
from kova.reports.record_export import RecordExport
from kova.scans.request_scan import RequestScan
from kova.shared.meter import SilentMeter
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, Reach
from kova.web.app import create_app
from tests.support.commands import CommandDesk
from tests.support.sign_in import memory_sign_in
from tests.support.stores import AllStores, apply_files, memory_stores, new_repository
from tests.support.workshop import Workshop

ADDRESS = "http://localhost"
ROUTERS = (*functions.reports.app.ROUTERS, *load_all().routers)
CODE = "BAD(x)\nBAD[R2](y)\n"
SHA = "a" * 40
RULES = SignInRules(
    admins=frozenset({"admin@example.com"}),
    members=frozenset({"member@example.com"}),
    viewers=frozenset({"viewer@example.com"}),
)


class QuietProcess:
    """A process without anything around it."""

    meter = SilentMeter()
    cors_origins: tuple[str, ...] = ()
    origin_secrets: tuple[str, ...] = ()
    client_address_header = None
    body_seconds = 5.0

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        yield

    async def close(self) -> None:
        """Nothing was opened."""


@dataclass
class Visitor:
    """A browser of somebody who is signed in, or of nobody."""

    client: httpx.AsyncClient
    token: str | None

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:500])
        return answer.text

    async def post(
        self, path: str, fields: Mapping[str, str | list[str]] | None = None, **headers: str
    ) -> httpx.Response:
        """Post a form as a page of this visitor's own does."""
        token = {"csrf_token": csrf_token(self.token)} if self.token else {}
        return await self.client.post(path, data={**token, **(fields or {})}, headers=headers)


@dataclass
class House:
    """Kova over twins."""

    workshop: Workshop
    stores: AllStores
    desk: CommandDesk
    people: SignIn
    client: httpx.AsyncClient
    scans: MemoryScanQueue
    fixes: MemoryFixQueue
    pages: SimpleNamespace
    reports: SimpleNamespace
    visitors: list[Visitor] = field(default_factory=list)

    async def visitor(self, role: Role | None, reach: Reach = EVERYTHING) -> Visitor:
        """Return somebody's browser; None is nobody's."""
        cookies: dict[str, str] = {}
        if role is not None:
            identity = Identity(
                provider=GOOGLE,
                actor=f"google:{role}@example.com",
                name=f"A {role}",
                reach=reach,
            )
            opened = await self.people.begin(identity, "a test")
            cookies = {"kova": opened.token}
        client = httpx.AsyncClient(
            transport=self.client._transport, base_url=ADDRESS, cookies=cookies
        )
        self.visitors.append(Visitor(client=client, token=cookies.get("kova")))
        return self.visitors[-1]

    async def errors(self, **filters: object) -> list[ErrorRecord]:
        page = await self.stores.errors.page(
            PageRequest(limit=100), ErrorFilter(**filters), EVERYTHING
        )  # type: ignore[arg-type]
        return list(page.items)

    async def scan(self, name: str = "octo/sample", code: str = CODE, path: str = "a.py") -> None:
        """Scan a repository of one file."""
        repository = await new_repository(self.stores, name)
        await apply_files(self.stores, repository, SHA, {path: code}, rules=("R1", "R2"))


def make_house(
    workshop: Workshop, *, can_ask: bool = True, desk: CommandDesk | None = None
) -> House:
    stores = memory_stores(workshop.database)
    workshop.stores = stores
    desk = desk or CommandDesk()
    people = memory_sign_in(RULES)
    scan_queue, fix_queue = MemoryScanQueue(), MemoryFixQueue()

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=1)

    keys = ManageKeys(keys=stores.keys, audit=stores.audit, admissions=MemoryAdmissions(), now=now)
    pages = SimpleNamespace(
        summaries=stores.summaries,
        saved_views=stores.saved_views,
        catalogue={analyzer.name: analyzer.catalogue for analyzer in ANALYZERS},
        github_web="https://github.example",
        can_ask=can_ask,
        now=now,
    )
    admissions = MemoryAdmissions()

    async def admit_export(actor: str, on_verdict: Callable[[Verdict], None]) -> None:
        await admit_attempt(admissions, Policy(name="export", quota=100), actor, on_verdict)

    reports = SimpleNamespace(
        tables=GatherTables(errors=stores.errors, reports=stores.reports, now=now),
        record_export=RecordExport(audit=stores.audit),
        sheets=None,
        public_url=None,
        admit_export=admit_export,
        now=now,
    )
    request_scan = RequestScan(
        repositories=stores.repositories,
        scans=stores.scans,
        recovery=stores.recovery,
        source=workshop.source,
        queue=scan_queue,
    )
    roots = {
        "access": SimpleNamespace(manage_keys=keys, audit=stores.audit),
        "commands": SimpleNamespace(run=desk.run, commands=desk.commands),
        "errors": SimpleNamespace(
            errors=stores.errors, change_error=ChangeError(errors=stores.errors, now=now)
        ),
        "fixes": SimpleNamespace(
            fixes=stores.fixes,
            request_publish=RequestPublish(
                fixes=stores.fixes,
                repositories=stores.repositories,
                audit=stores.audit,
                queue=fix_queue,
                source=lambda: workshop.source,
            ),
        ),
        "pages": pages,
        "people": SimpleNamespace(sign_in=people, providers=(), public_url=None),
        "reports": reports,
        "scans": SimpleNamespace(stores=stores, request_scan=request_scan),
        "usage": SimpleNamespace(usage=stores.usage, monthly_budget_usd=Decimal(20)),
    }
    app = create_app(QuietProcess(), roots, ROUTERS)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url=ADDRESS)
    return House(
        workshop=workshop, stores=stores, desk=desk, people=people, client=client,
        scans=scan_queue, fixes=fix_queue, pages=pages, reports=reports,
    )  # fmt: skip


@pytest.fixture
async def house(workshop: Workshop) -> AsyncIterator[House]:
    kova = make_house(workshop)
    yield kova
    for visitor in kova.visitors:
        await visitor.client.aclose()
    await kova.client.aclose()


def links_of(text: str) -> set[str]:
    """Return the paths of our own that a page leads to."""
    return set(re.findall(r'(?:href|action)="(/[^"#]*)"', text))
