"""One suite for the audit log in Postgres and its twin in memory."""

from __future__ import annotations

import uuid

from kova.shared.audit import Action, AuditEvent
from kova.shared.page import PageRequest
from tests.support.stores import AllStores


async def test_events_are_listed_as_they_were_recorded_newest_first(stores: AllStores) -> None:
    detail = {"path": "a.py", "number": 3, "full": True, "until": None}
    for target in ("a", "b", "c"):
        event = AuditEvent(actor="cli", action=Action.KEY_CREATED, target=target, detail=detail)
        await stores.audit.record(event)
    first = await stores.audit.page(PageRequest(limit=2))
    rest = await stores.audit.page(PageRequest(limit=2, after=first.next))
    records = [*first.items, *rest.items]
    assert [record.target for record in records] == ["c", "b", "a"]
    assert {(record.actor, record.action) for record in records} == {("cli", Action.KEY_CREATED)}
    assert all(record.detail == detail for record in records)
    assert len({record.id for record in records}) == 3
    assert rest.next is None


async def test_what_is_recorded_once_is_there_once(stores: AllStores) -> None:
    event = AuditEvent(actor="github:ann", action=Action.FIX_PUBLISHED, target="1")
    key = str(uuid.uuid4())
    for _ in range(2):
        await stores.audit.record(event, once=key)
    await stores.audit.record(event)
    assert len((await stores.audit.page(PageRequest())).items) == 2
