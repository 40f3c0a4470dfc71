"""Who may see and press what: every route, every kind of visitor."""

from __future__ import annotations

from typing import Final

import pytest

from kova.access.subject import Role
from kova.shared.page import PageRequest
from kova.shared.reach import reach_of
from tests.dashboard.conftest import ROUTERS, SHA, House

PAGE: Final = PageRequest()

UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"
PLACES: Final = {
    "error_id": UNKNOWN, "fix_id": UNKNOWN, "scan_id": UNKNOWN, "command_id": UNKNOWN,
    "view_id": UNKNOWN, "owner": "octo", "name": "sample", "prefix": "abcdefghijkl", "rest": "nowhere",
}  # fmt: skip
ROUTES: Final = sorted(
    (method, route.path.replace(":path", "").format(**PLACES), route.path)
    for router in ROUTERS
    for route in router.routes
    for method in route.methods - {"HEAD"}
    if not route.path.startswith("/ui/assets/")
)
ADMIN_ONLY: Final = {"/ui/keys", "/ui/keys/{prefix}/revoke", "/ui/audit"}
OWN: Final = {"/ui/views", "/ui/views/{view_id}/delete"}
"""A person's own things, which everybody changes who may read."""
DOWNLOADS: Final = {"/ui/reports/errors.csv", "/ui/reports/month.csv"}
"""They change nothing but the audit log, which names them: tests/reports."""
ASK: Final = {"/ui/ask", "/ui/ask/{command_id}"}


@pytest.mark.parametrize(("method", "path", "template"), ROUTES)
async def test_nobody_is_sent_to_sign_in(
    house: House, method: str, path: str, template: str
) -> None:
    nobody = await house.visitor(None)
    answer = await nobody.client.request(method, path)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("/auth/sign-in")
    if method == "GET":
        assert answer.headers["location"] == f"/auth/sign-in?next={path}"


@pytest.mark.parametrize(("method", "path", "template"), ROUTES)
async def test_a_viewer_reads_and_changes_nothing(
    house: House, method: str, path: str, template: str
) -> None:
    await house.scan()
    viewer = await house.visitor(Role.VIEWER)
    answer = await (viewer.client.get(path) if method == "GET" else viewer.post(path))
    if template in OWN:
        assert answer.status_code in {400, 404}, answer.text
    elif template == "/ui/reports/month.csv":
        assert answer.status_code == 422, answer.text  # A month is wanted.
    elif method == "POST" or template in ADMIN_ONLY | ASK:
        assert answer.status_code == 403, answer.text
        assert "Your role does not allow this" in answer.text
    else:
        assert answer.status_code in {200, 404}, answer.text
    assert house.scans.messages == house.fixes.messages == []
    events = (await house.stores.audit.page(PAGE)).items
    assert len(events) == (template in DOWNLOADS and answer.status_code == 200)


@pytest.mark.parametrize("template", sorted(ADMIN_ONLY))
async def test_a_member_is_no_administrator(house: House, template: str) -> None:
    member = await house.visitor(Role.MEMBER)
    path = template.format(**PLACES)
    method = "POST" if "revoke" in path else "GET"
    answer = await (member.client.get(path) if method == "GET" else member.post(path))
    assert answer.status_code == 403


@pytest.mark.parametrize("path", [path for method, path, _ in ROUTES if method == "POST"])
async def test_a_form_without_its_token_or_from_elsewhere_is_refused(
    house: House, path: str
) -> None:
    await house.scan()
    admin = await house.visitor(Role.ADMIN)
    bare = await admin.client.post(path, data={"reason": "x"})
    other = await admin.client.post(path, data={"csrf_token": "0" * 64})
    site = await admin.post(path, **{"sec-fetch-site": "cross-site"})
    origin = await admin.post(path, origin="https://elsewhere.example")
    broken = await admin.post(path, origin="http://[")
    for answer in (bare, other, site, origin, broken):
        assert answer.status_code == 403, answer.text
    assert house.scans.messages == house.fixes.messages == []
    assert (await house.stores.audit.page(PAGE)).items == ()


async def test_buttons_are_only_where_they_may_be_pressed(house: House) -> None:
    await house.scan()
    (error, *_) = await house.errors()
    for role, count in ((Role.VIEWER, 0), (Role.MEMBER, 1), (Role.ADMIN, 1)):
        visitor = await house.visitor(role)
        one = await visitor.get(f"/ui/errors/{error.id}")
        assert one.count(f"/ui/errors/{error.id}/ignore") == count
        many = await visitor.get("/ui/errors")
        assert many.count('action="/ui/errors/ignore"') == count
        repository = await visitor.get("/ui/repositories/octo/sample")
        assert repository.count('action="/ui/scans"') == count
        assert ("Settings" in repository) is (role is Role.ADMIN)
        assert ("/ui/keys" in one) is (role is Role.ADMIN)


async def test_answers_carry_their_guards_and_are_not_kept(house: House) -> None:
    viewer = await house.visitor(Role.VIEWER)
    answer = await viewer.client.get("/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    assert SHA not in answer.text


async def test_who_sees_some_repositories_is_not_shown_the_budget_of_all(house: House) -> None:
    await house.scan()
    everything = await (await house.visitor(Role.VIEWER)).get("/")
    some = await (await house.visitor(Role.MEMBER, reach_of(["octo/sample"]))).get("/")
    assert "of $20.00" in everything
    assert "$20.00" not in some
    assert "no cap" not in some
