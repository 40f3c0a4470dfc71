"""Every route of the server with every kind of subject: who may not, cannot."""

from __future__ import annotations

import json

import pytest

from kova.access.api_key import Scope
from kova.access.subject import ROLE_SCOPES, Role
from kova_server.application import ROUTERS
from tests.rights.conftest import INSIDE, OUTSIDE, Rights
from tests.rights.routes import ROUTES, Row

STRANGERS = ("revoked", "expired", "unknown")
BY_KEY = {name: row for name, row in ROUTES.items() if row.by == "key"}
BY_SESSION = {name: row for name, row in ROUTES.items() if row.by == "session"}
KEYLESS = {name: row for name, row in ROUTES.items() if row.by == "nobody"}


def method_of(name: str) -> str:
    return name.partition(" ")[0]


def routing_table() -> set[str]:
    return {
        f"{method} {route.path}"  # type: ignore[attr-defined]
        for router in ROUTERS
        for route in router.routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }


def test_every_route_of_the_server_has_a_row_and_every_row_a_route() -> None:
    assert routing_table() == set(ROUTES)


@pytest.mark.parametrize("name", BY_KEY)
def test_without_a_valid_key_nobody_passes(rights: Rights, name: str) -> None:
    row, method = BY_KEY[name], method_of(name)
    assert rights.call(method, row, INSIDE).status_code == 401
    for stranger in STRANGERS:
        answer = rights.call(method, row, INSIDE, key=rights.keys[stranger])
        assert answer.status_code == 401, stranger


@pytest.mark.parametrize("name", BY_KEY)
def test_a_session_of_a_browser_is_no_key(rights: Rights, name: str) -> None:
    row, method = BY_KEY[name], method_of(name)
    for session in rights.sessions:
        assert rights.call(method, row, INSIDE, session=session).status_code == 401


@pytest.mark.parametrize("name", BY_KEY)
def test_a_key_passes_with_the_route_s_scope_only(rights: Rights, name: str) -> None:
    row, method = BY_KEY[name], method_of(name)
    for scope in Scope:
        answer = rights.call(method, row, INSIDE, key=rights.keys[f"only {scope}"])
        if scope is row.scope and name == "GET /ai/commands/{command_id}":
            assert answer.status_code == 404  # Another's: an admin's key sees it, too.
        elif scope is row.scope:
            assert answer.status_code in row.passes, answer.text
        else:
            assert answer.status_code == 403, (scope, answer.text)
            assert answer.json()["reason"] == "forbidden"


@pytest.mark.parametrize("name", [name for name in BY_KEY if BY_KEY[name].about == "thing"])
def test_what_is_outside_of_a_key_s_reach_is_not_there(rights: Rights, name: str) -> None:
    row, method = BY_KEY[name], method_of(name)
    inside, outside = rights.keys["inside"], rights.keys["outside"]
    assert rights.call(method, row, OUTSIDE, key=inside).status_code == 404
    assert rights.call(method, row, INSIDE, key=outside).status_code == 404
    for key, repository in ((inside, INSIDE), (outside, OUTSIDE)):
        answer = rights.call(method, row, repository, key=key)
        assert answer.status_code in row.passes, answer.text
    for repository in (INSIDE, OUTSIDE):
        answer = rights.call(method, row, repository, key=rights.keys["everything"])
        assert answer.status_code in row.passes, answer.text


@pytest.mark.parametrize("name", [name for name in BY_KEY if BY_KEY[name].about == "list"])
def test_a_list_holds_what_is_in_reach_and_no_more(rights: Rights, name: str) -> None:
    row, method = BY_KEY[name], method_of(name)
    everything = rights.call(method, row, INSIDE, key=rights.keys["everything"]).text
    assert INSIDE in everything
    assert OUTSIDE in everything
    for key, hidden in (("inside", OUTSIDE), ("outside", INSIDE)):
        text = rights.call(method, row, INSIDE, key=rights.keys[key]).text
        assert hidden not in text
        assert (INSIDE if hidden is OUTSIDE else OUTSIDE) in text
        for thing in rights.things[hidden].values():
            assert thing not in text


@pytest.mark.parametrize(
    "path",
    [
        "/api/errors",
        "/api/scans",
        "/api/fixes",
        "/api/errors?status=open",
        "/api/fixes?status=verified",
    ],
)
def test_a_filter_does_not_lead_out_of_the_reach(rights: Rights, path: str) -> None:
    joiner = "&" if "?" in path else "?"
    for key, repository, is_shown in (
        ("inside", INSIDE, True),
        ("inside", OUTSIDE, False),
        ("outside", "OCTO/Inside", False),
    ):
        row = Row(path=f"{path}{joiner}repository={repository}&limit=100", scope=Scope.READ)
        answer = rights.call("GET", row, INSIDE, key=rights.keys[key])
        assert answer.status_code == 200
        if not is_shown:
            assert json.loads(answer.text) == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("name", [name for name in BY_KEY if BY_KEY[name].about == "everything"])
def test_what_is_about_all_repositories_refuses_a_restricted_key(rights: Rights, name: str) -> None:
    row, method = BY_KEY[name], method_of(name)
    answer = rights.call(method, row, INSIDE, key=rights.keys["inside"])
    assert (answer.status_code, answer.json()["reason"]) == (403, "restricted")
    assert rights.call(method, row, INSIDE, key=rights.keys["everything"]).status_code in row.passes


@pytest.mark.parametrize("name", KEYLESS)
def test_a_route_that_asks_for_nobody_is_the_same_for_all(rights: Rights, name: str) -> None:
    row, method = KEYLESS[name], method_of(name)
    assert rights.call(method, row, INSIDE).status_code in row.passes
    for key in ("everything", "revoked"):
        assert rights.call(method, row, INSIDE, key=rights.keys[key]).status_code in row.passes
    assert rights.call(method, row, INSIDE, session="admin").status_code in row.passes


@pytest.mark.parametrize("name", BY_SESSION)
def test_a_page_sends_strangers_to_sign_in(rights: Rights, name: str) -> None:
    row, method = BY_SESSION[name], method_of(name)
    for key in (None, rights.keys["everything"]):
        answer = rights.call(method, row, INSIDE, key=key)
        assert answer.status_code == 303
        assert answer.headers["location"].partition("?")[0] == "/auth/sign-in"


@pytest.mark.parametrize("name", BY_SESSION)
def test_a_page_lets_roles_with_its_scope_pass_with_their_own_forms(
    rights: Rights, name: str
) -> None:
    row, method = BY_SESSION[name], method_of(name)
    if method != "GET":
        answer = rights.call(method, row, INSIDE, session="admin", with_form_token=False)
        assert answer.status_code == 403
        assert "foreign_form" in answer.text  # A problem, or a page that says so.
    if name == "POST /auth/logout":
        return  # It ends the session: tests/people/test_sessions.py.
    for role in Role:
        answer = rights.call(method, row, INSIDE, session=role.value)
        if row.scope in ROLE_SCOPES[role]:
            assert answer.status_code in row.passes, answer.text
        else:
            assert answer.status_code == 403, (role, answer.text)


@pytest.mark.parametrize(
    "name", [name for name in BY_SESSION if BY_SESSION[name].about != "nothing"]
)
def test_a_page_shows_a_person_what_is_in_their_reach(rights: Rights, name: str) -> None:
    row, method = BY_SESSION[name], method_of(name)
    answer = rights.call(method, row, OUTSIDE, session="member inside")
    if row.about == "thing":
        assert answer.status_code in {403, 404}
    elif row.about == "everything":
        assert answer.status_code == 403
    assert OUTSIDE not in answer.text


@pytest.mark.parametrize("name", ROUTES)
def test_a_viewer_publishes_and_ignores_by_no_route(rights: Rights, name: str) -> None:
    row, method = ROUTES[name], method_of(name)
    if row.by == "nobody" or row.scope in ROLE_SCOPES[Role.VIEWER]:
        return
    answer = rights.call(method, row, INSIDE, session="viewer")
    assert answer.status_code in {401, 403}
