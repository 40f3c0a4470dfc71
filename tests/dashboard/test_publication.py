"""The pages of a fix and of its error follow its publication until there is a pull request."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from kova.access.subject import Role
from kova.fixes.fix import FixStatus
from tests.dashboard.conftest import House
from tests.dashboard.test_pages import save_fix

PULL = "https://github.example/octo/sample/pull/7"


async def published(house: House, error_id: str) -> None:
    await house.stores.fixes.mark_published([error_id], PULL)


@pytest.mark.parametrize("place", ["errors", "fixes"])
async def test_a_page_follows_from_the_button_to_the_pull_request(house: House, place: str) -> None:
    await house.scan()
    fix_id = await save_fix(house)
    (error, *_) = [error for error in await house.errors() if error.fix]
    path = f"/ui/{place}/{error.id if place == 'errors' else fix_id}"
    member = await house.visitor(Role.MEMBER)
    before = await member.get(path)
    assert "data-live=" not in before
    assert "Publish the fix" in before
    answer = await member.post(f"/ui/fixes/{fix_id}/publish", {"back": path})
    assert answer.headers["location"] == f"{path}?done=publishing"
    page = await member.get(answer.headers["location"])
    (live,) = re.findall(r'data-live="([^"]+)"', page)
    assert live.startswith(f"{path}/live?since=")
    assert "<progress" in page
    assert "Publish the fix" not in page  # Nobody has to press it twice.
    part = await member.get(live)
    assert "<html" not in part
    assert "data-done" not in part
    assert "<progress" in part
    await published(house, error.id)
    part = await member.get(live)
    assert "data-done" in part
    assert f'href="{PULL}"' in part
    assert "published" in part
    assert "<progress" not in part
    assert "data-live=" not in await member.get(f"{path}?done=publishing")


async def test_a_publication_that_does_not_come_is_said_and_not_asked_for_for_ever(
    house: House,
) -> None:
    await house.scan()
    fix_id = await save_fix(house)
    viewer = await house.visitor(Role.VIEWER)
    since = int((house.pages.now() - timedelta(minutes=4)).timestamp())
    part = await viewer.get(f"/ui/fixes/{fix_id}/live?since={since}")
    assert "data-done" in part
    assert "No pull request yet" in part
    for text in ("-1", "x", "1" * 40):
        answer = await viewer.client.get(f"/ui/fixes/{fix_id}/live?since={text}")
        assert answer.status_code == 422


async def test_other_pages_wait_for_nothing(house: House) -> None:
    await house.scan()
    fix_id = await save_fix(house, FixStatus.REJECTED)
    viewer = await house.visitor(Role.VIEWER)
    for path in (
        f"/ui/fixes/{fix_id}",
        *(f"/ui/errors/{error.id}" for error in await house.errors()),
    ):
        for query in ("", "?done=publishing", "?done=ignored"):
            assert "data-live=" not in await viewer.get(path + query)
