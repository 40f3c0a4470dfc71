"""A Kova with two repositories, one inside and one outside of what some may see."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from kova.access.api_key import Scope
from kova.access.identity import GOOGLE, Identity
from kova.access.person import OpenedSession, csrf_token
from kova.access.subject import EVERYTHING, Reach, Role
from kova.bootstrap.core import Core
from kova.bootstrap.keys import answer_key_request
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings
from kova.commands.command import Command, CommandRequest
from kova.fixes.fix import FixStatus, ProvedFix, Step, Strategy, Verification
from kova.models.outcome import Outcome
from kova.models.provider import Task
from kova.scans.scan import ScanStats, ScanStatus
from kova.shared.page import PageRequest
from kova.shared.reach import reach_of
from tests.rights.routes import Row
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.findings import analysis_of
from tests.support.stores import (
    LEASE,
    AllStores,
    apply_files,
    new_repository,
    postgres_stores,
    scan_target,
)

INSIDE, OUTSIDE = "octo/inside", "octo/outside"
FILES = {"a.py": "BAD(x)"}
SHA = "1" * 40


@dataclass(kw_only=True)
class Rights:
    """The product, the ids of the things of each repository, and those who call."""

    kova: Kova
    things: dict[str, dict[str, str]]
    keys: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, OpenedSession] = field(default_factory=dict)

    def make_key(self, *scopes: Scope, repositories: list[str] | None = None) -> str:
        request = {"action": "create", "name": "k", "scopes": [scope.value for scope in scopes]}
        if repositories is not None:
            request["repositories"] = repositories  # type: ignore[assignment]
        answer = asyncio.run(answer_key_request(self.kova.environment, request, "cli"))
        return str(answer["key"])

    def call(
        self,
        method: str,
        row: Row,
        repository: str,
        *,
        key: str | None = None,
        session: str | None = None,
        with_form_token: bool = True,
    ) -> httpx.Response:
        """Call a route about a repository, with a key, as a person, or as nobody."""
        places = dict(self.things[repository])
        if "{new_key}" in row.path:
            places["new_key"] = self.make_key(Scope.READ).split("_")[1]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        cookies = {}
        if session is not None:
            token = self.sessions[session].token
            cookies["kova"] = token
            if with_form_token:
                headers["X-CSRF-Token"] = csrf_token(token)
        body = {"json": _fill(row.body, places)} if row.body is not None else {}
        if row.form is not None:
            body = {"data": _fill(row.form, places)}
        with httpx.Client(base_url=self.kova.address, cookies=cookies, timeout=30) as client:
            return client.request(method, row.path.format(**places), headers=headers, **body)


def _fill(values: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: value.format(**places) if isinstance(value, str) else value
        for name, value in values.items()
    }


@contextmanager
def run_rights(folder: Path, **extra: str) -> Iterator[Rights]:
    """Run the server form with both repositories, with more settings where `extra` has some."""
    redis = {"KOVA_REDIS_URL": _redis_url(), "KOVA_AI_RATE_LIMIT_PER_MINUTE": "1000000"}
    # Each request asks the rules anew what somebody is.
    rules = {f"KOVA_{role.name}S": f"{role.value}@example.com" for role in Role}
    # A session of a provider that is not configured would be over.
    google = {"GOOGLE_CLIENT_ID": "id", "GOOGLE_CLIENT_SECRET": "secret"}
    google["KOVA_GOOGLE_ISSUER"] = "http://127.0.0.1:9"
    with run_kova_with_github(folder, **redis, **rules, **google, **extra) as kova:
        for name in (INSIDE, OUTSIDE):
            kova.github.state.create_repository(name, files={"a.py": b"x = 1\n"})
        things = asyncio.run(_fill_database(kova.environment["KOVA_DATABASE_URL"]))
        rights = Rights(kova=kova, things=things)
        _make_keys(rights)
        asyncio.run(_sign_in(rights))
        yield rights


@pytest.fixture(scope="module")
def rights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rights]:
    with run_rights(tmp_path_factory.mktemp("rights")) as product:
        yield product


def _redis_url() -> str:
    from tests.support.services import services_in_force

    return services_in_force()["KOVA_REDIS_URL"]


async def _fill_database(url: str) -> dict[str, dict[str, str]]:
    async with postgres_stores(url) as stores:
        return {name: await _fill_repository(stores, name) for name in (INSIDE, OUTSIDE)}


async def fill_repository_of(url: str, name: str) -> dict[str, str]:
    """Fill one more repository in a database; return the ids of its things."""
    async with postgres_stores(url) as stores:
        return await _fill_repository(stores, name)


async def _fill_repository(stores: AllStores, name: str) -> dict[str, str]:
    repository = await new_repository(stores, name)
    target = scan_target(repository=name, commit_sha=SHA)
    scan = await stores.scans.create(target, repository.id)
    claim = await stores.scans.claim(scan.id, LEASE)
    assert claim is not None
    change = await apply_files(stores, repository, SHA, FILES, claim=claim)
    await stores.scans.finish(claim, ScanStatus.SUCCEEDED, stats=ScanStats(), skipped=())
    (finding,) = analysis_of(FILES).findings
    fix = ProvedFix(
        finding=finding,
        strategy=Strategy.DETERMINISTIC,
        status=FixStatus.VERIFIED,
        safe=True,
        patch="--- a/a.py\n+++ b/a.py\n",
        verification=(Verification(step=Step.APPLIES, passed=True, detail="It applies."),),
    )
    await stores.fixes.save(scan.id, [fix], change.error_ids)
    reach = reach_of([name])
    (saved,) = (await stores.fixes.page(PageRequest(), name, None, reach)).items
    command = Command(
        id=str(uuid.uuid4()),
        api_key_id=None,
        request=CommandRequest(command="why?", repository=name),
        task=Task.ANALYZE,
        outcome=Outcome.QUEUED,
        created_at=datetime.now(UTC),
        actor="github:octo",
    )
    await stores.commands.save(command)
    return {
        "repository": name,
        "scan": scan.id,
        "error": saved.error_id,
        "fix": saved.id,
        "command": command.id,
    }


def _make_keys(rights: Rights) -> None:
    every = tuple(Scope)
    rights.keys = {f"only {scope}": rights.make_key(scope) for scope in Scope}
    rights.keys["everything"] = rights.make_key(*every)
    rights.keys["inside"] = rights.make_key(*every, repositories=["Octo/INSIDE"])
    rights.keys["outside"] = rights.make_key(*every, repositories=[OUTSIDE])
    rights.keys["revoked"] = rights.make_key(*every)
    rights.keys["expired"] = rights.make_key(*every)
    rights.keys["unknown"] = f"kova_{'a' * 12}_{'b' * 52}"
    with psycopg.connect(rights.kova.environment["KOVA_DATABASE_URL"]) as connection:
        for name, column in (("revoked", "revoked_at"), ("expired", "expires_at")):
            moment = datetime.now(UTC) - timedelta(minutes=1)
            connection.execute(
                f"UPDATE api_keys SET {column} = %s WHERE prefix = %s",  # type: ignore[arg-type]  # noqa: S608
                (moment, rights.keys[name].split("_")[1]),
            )


async def _sign_in(rights: Rights) -> None:
    core = Core(load_settings(rights.kova.environment))
    people = PeopleRoot(core).sign_in
    reaches: dict[str, tuple[Role, Reach]] = {
        **{role.value: (role, EVERYTHING) for role in Role},
        "member inside": (Role.MEMBER, reach_of([INSIDE])),
    }
    for name, (role, reach) in reaches.items():
        identity = Identity(
            provider=GOOGLE, actor=f"google:{role.value}@example.com", name=name, reach=reach
        )
        rights.sessions[name] = await people.begin(identity, "a browser")
    await core.close()
