"""A person names the filters in force, finds them again, and deletes them."""

from __future__ import annotations

from kova.access.subject import Role
from kova.errors.saved_view import MOST_VIEWS
from tests.dashboard.conftest import House

FILTERS = {"status": "open", "severity": "high", "path": "a.py"}
ADDRESS = "/ui/errors?status=open&severity=high&path=a.py"


async def test_a_view_is_saved_shown_and_deleted_by_its_person_alone(house: House) -> None:
    await house.scan()
    viewer, member = await house.visitor(Role.VIEWER), await house.visitor(Role.MEMBER)
    assert "Save these filters" not in await viewer.get("/ui/errors")
    assert "Save these filters" in await viewer.get(ADDRESS)
    name = "<b>High & 'mine'</b>"
    answer = await viewer.post("/ui/views", {**FILTERS, "name": f"  {name} "})
    assert answer.headers["location"] == f"{ADDRESS}&done=view-saved"
    page = await viewer.get("/ui/errors")
    assert "&lt;b&gt;High &amp; &#39;mine&#39;&lt;/b&gt;" in page
    assert "<b>High" not in page
    assert f'href="{ADDRESS.replace("&", "&amp;")}"' in page
    assert "Saved views" not in await member.get("/ui/errors")
    (view,) = await house.stores.saved_views.list("google:viewer@example.com")
    delete = f"/ui/views/{view.id}/delete"
    assert delete in await viewer.get(ADDRESS)
    assert (await member.post(delete)).status_code == 404
    assert (await viewer.post(delete)).status_code == 303
    assert "Saved views" not in await viewer.get("/ui/errors")


async def test_what_is_no_view_is_not_saved(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    for fields in (
        {"name": ""}, {"name": " \n "}, {"name": "x" * 61}, {"name": "x", "severity": "none"},
        {"name": "x", "status": "gone"}, {"name": "x", "path": "x" * 5_000},
    ):  # fmt: skip
        assert (await viewer.post("/ui/views", fields)).status_code == 400
    bare = await viewer.client.post("/ui/views", data={"name": "x"})
    assert bare.status_code == 403
    assert await house.stores.saved_views.list("google:viewer@example.com") == []


async def test_too_many_views_are_a_page_that_says_so(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    for number in range(MOST_VIEWS):
        await viewer.post("/ui/views", {"name": f"view {number}", "status": "any"})
    answer = await viewer.post("/ui/views", {"name": "another", "status": "any"})
    assert answer.status_code == 409
    assert "delete one first" in answer.text
