"""Pages say what is not scanned any more, and why."""

from __future__ import annotations

from dataclasses import replace

from kova.access.subject import Role
from kova.shared.repository import RepositoryProblem
from tests.dashboard.conftest import House
from tests.support.stores import new_repository, scan_target


async def test_a_skipped_scan_says_for_what_and_is_no_failure(house: House) -> None:
    repository = await new_repository(house.stores)
    scan = await house.stores.scans.create(scan_target(), repository.id)
    await house.stores.scans.skip(scan.id, "superseded: <abc> was pushed to main before.")
    member = await house.visitor(Role.MEMBER)
    page = await member.get(f"/ui/scans/{scan.id}")
    assert '<p class="notice warn" role="status">superseded: &lt;abc&gt; was pushed' in page
    assert "Scan again" not in page
    assert "Scans that failed" not in await member.get("/")


async def test_a_repository_that_is_not_scanned_any_more_says_so(house: House) -> None:
    await house.scan()
    rows = house.workshop.database.repositories
    (row,) = rows.values()
    rows[row.id] = replace(
        row,
        archived=True,
        problem=RepositoryProblem.SUSPENDED,
        problem_since=house.workshop.database.clock(),
    )
    viewer = await house.visitor(Role.VIEWER)
    page = await viewer.get("/ui/repositories/octo/sample")
    assert "The installation of the GitHub App is suspended." in page
    assert "archived" in page
    assert "not scanned: suspended" in await viewer.get("/ui/repositories")
