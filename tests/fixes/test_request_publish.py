"""A fix's pull request is asked for: checked now, opened by a worker."""

from __future__ import annotations

import pytest

from kova.adapters.memory.queues import MemoryFixQueue
from kova.fixes.fix import Fix, FixStatus
from kova.fixes.request_publish import RequestPublish
from kova.shared.audit import Action
from kova.shared.exceptions import ConflictError, NotFoundError, QueueUnavailableError
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from tests.support.workshop import Workshop

BAD = "BAD(x)\n"


def request_of(workshop: Workshop, queue: MemoryFixQueue) -> RequestPublish:
    return RequestPublish(
        fixes=workshop.stores.fixes,
        repositories=workshop.stores.repositories,
        audit=workshop.stores.audit,
        queue=queue,
        source=lambda: workshop.source,
    )


async def new_fix(workshop: Workshop, path: str = "a.py", status: FixStatus | None = None) -> Fix:
    """Return a verified fix that no scan has published, or the same with another status."""
    workshop.push_files({path: BAD, "kova.txt": ""})
    workshop.tool.safe = False
    await workshop.scan()
    (fix,) = (await workshop.stores.fixes.page(PageRequest(), None, None, EVERYTHING)).items
    if status is not None:
        workshop.set_fix_status(fix.id, status)
    return fix


async def test_a_verified_fix_is_queued_and_that_is_recorded(workshop: Workshop) -> None:
    fix, queue = await new_fix(workshop), MemoryFixQueue()
    assert (
        await request_of(workshop, queue).request(fix.id, actor="key:abc", reach=EVERYTHING) == fix
    )
    assert queue.fix_ids() == [fix.id]
    (event,) = (await workshop.stores.audit.page(PageRequest())).items
    assert (event.actor, event.action, event.target) == ("key:abc", Action.FIX_PUBLISHED, fix.id)
    assert event.detail == {"path": "a.py"}


async def test_a_published_fix_is_brought_up_to_date(workshop: Workshop) -> None:
    fix, queue = await new_fix(workshop, status=FixStatus.PUBLISHED), MemoryFixQueue()
    await request_of(workshop, queue).request(fix.id, actor="cli", reach=EVERYTHING)
    assert queue.fix_ids() == [fix.id]


@pytest.mark.parametrize(
    "status",
    [FixStatus.PROPOSED, FixStatus.REJECTED, FixStatus.MERGED, FixStatus.CLOSED],
)
async def test_what_was_not_proved_or_people_decided_about_is_not_queued(
    workshop: Workshop, status: FixStatus
) -> None:
    fix, queue = await new_fix(workshop, status=status), MemoryFixQueue()
    with pytest.raises(ConflictError, match=f"The fix is {status}"):
        await request_of(workshop, queue).request(fix.id, actor="cli", reach=EVERYTHING)
    assert (queue.messages, workshop.database.audit) == ([], {})


async def test_a_fix_of_a_protected_file_is_not_queued(workshop: Workshop) -> None:
    fix, queue = await new_fix(workshop, ".github/a.py"), MemoryFixQueue()
    with pytest.raises(ConflictError, match="are not pushed"):
        await request_of(workshop, queue).request(fix.id, actor="cli", reach=EVERYTHING)
    assert queue.messages == []


async def test_an_unknown_fix_is_not_found(workshop: Workshop) -> None:
    with pytest.raises(NotFoundError):
        await request_of(workshop, MemoryFixQueue()).request("none", actor="cli", reach=EVERYTHING)


async def test_what_could_not_be_queued_is_not_recorded(workshop: Workshop) -> None:
    fix, queue = await new_fix(workshop), MemoryFixQueue()
    queue.available = False
    with pytest.raises(QueueUnavailableError):
        await request_of(workshop, queue).request(fix.id, actor="cli", reach=EVERYTHING)
    assert workshop.database.audit == {}
