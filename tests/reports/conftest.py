"""Kova's pages over twins, and the Google that somebody exports to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import httpx
import pytest

from kova.access.subject import Role
from kova.adapters.google_oauth import GoogleOAuth
from kova.adapters.google_sheets import GoogleSheets
from kova.adapters.memory.people import MemoryOneTimeValues
from kova.reports.export_to_sheets import ExportToSheets
from kova.shared.reach import EVERYTHING, Reach
from kova_fakes.google import FakeGoogle, serve_google
from kova_fakes.google.sheet_grid import FakeSpreadsheet
from kova_fakes.google.tokens import GoogleAccount
from tests.dashboard.conftest import ADDRESS, House, Visitor, make_house
from tests.support.workshop import Workshop

CALLBACK = f"{ADDRESS}/ui/reports/google/callback"
ZOE = GoogleAccount(address="zoe@example.com", hosted_domain="example.com")


@dataclass
class SheetDesk:
    """A house whose people export to a Google of this test."""

    house: House
    google: FakeGoogle
    http: httpx.AsyncClient
    people: list[Visitor] = field(default_factory=list)

    async def visitor(self, role: Role = Role.VIEWER, reach: Reach = EVERYTHING) -> Visitor:
        return await self.house.visitor(role, reach)

    async def press(
        self, visitor: Visitor, query: str = "status=open", **headers: str
    ) -> httpx.Response:
        """Press the button on Kova's page; the answer leads to Google."""
        return await visitor.client.get(f"/ui/reports/google?{query}", headers=headers)

    async def consent(self, begun: httpx.Response) -> str:
        """Go to Google, and return the address that it leads back to."""
        assert begun.status_code == 303, begun.text
        answer = await self.http.get(begun.headers["location"])
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    async def export(self, visitor: Visitor, query: str = "status=open") -> httpx.Response:
        """Return Kova's answer when somebody comes back from Google."""
        return await visitor.client.get(await self.consent(await self.press(visitor, query)))

    async def audit(self) -> list[tuple[str, str, str, Mapping[str, object]]]:
        from kova.shared.page import PageRequest

        page = await self.house.stores.audit.page(PageRequest())
        return [(event.actor, event.action, event.target, event.detail) for event in page.items]


def make_sheets(
    house: House, google: FakeGoogle, http: httpx.AsyncClient, **fields: object
) -> ExportToSheets:
    """Return the way to a stand-in; `fields` replace arguments of GoogleSheets."""
    oauth = GoogleOAuth(
        issuer=google.url, client_id=google.client_id, client_secret=google.client_secret, http=http
    )
    values: dict[str, object] = {"api_url": google.url, "hosted_domain": None, "http": http}
    return ExportToSheets(
        attempts=MemoryOneTimeValues(),
        spreadsheets=GoogleSheets(oauth, **{**values, **fields}),  # type: ignore[arg-type]
        tables=house.reports.tables,
        record=house.reports.record_export,
    )


def only_file(desk: SheetDesk) -> FakeSpreadsheet:
    (file,) = desk.google.sheets.files
    return file


def check_refusal(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert 'role="alert"' in answer.text
    assert words in answer.text
    assert "docs.google.com" not in answer.text
    assert "ya29" not in answer.text


@pytest.fixture
async def desk(workshop: Workshop) -> AsyncIterator[SheetDesk]:
    house = make_house(workshop)
    with serve_google() as google:
        google.redirect_uris = [CALLBACK]
        google.account = ZOE
        async with httpx.AsyncClient(follow_redirects=False) as http:
            house.reports.sheets = make_sheets(house, google, http)
            yield SheetDesk(house=house, google=google, http=http)
    for visitor in house.visitors:
        await visitor.client.aclose()
    await house.client.aclose()
