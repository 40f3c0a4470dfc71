"""A key does what its scopes and its repositories say, however a request is dressed."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import httpx
import psycopg
import pytest

from kova.access.api_key import Scope
from tests.rights.conftest import INSIDE, OUTSIDE, Rights, fill_repository_of
from tests.security.conftest import CODE, Unchanged, assert_hidden, secrets_of

Json = Mapping[str, Any]


def call(
    rights: Rights,
    key: str,
    method: str,
    path: str,
    body: Json | bytes | None = None,
    **headers: str,
) -> httpx.Response:
    """Call with one of the keys of `rights`, by its name or its text."""
    sent = {"Authorization": f"Bearer {rights.keys.get(key, key)}"}
    sent |= {name.replace("_", "-"): text for name, text in headers.items()}
    content = body if isinstance(body, bytes) else None
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
        content = content or json.dumps(body).encode()
    return rights.kova.stranger.request(
        method, f"{rights.kova.address}{path}", headers=sent, content=content
    )


def place(rights: Rights, path: str, repository: str = INSIDE) -> str:
    return path.format(**rights.things[repository])


READ_ONLY: dict[str, tuple[str, str, Json | None, Mapping[str, str]]] = {
    "a method in a header": (
        "GET",
        "/api/errors/{error}",
        None,
        {"X_HTTP_Method_Override": "PATCH"},
    ),
    "a method in the query": ("GET", "/api/errors/{error}?_method=PATCH", None, {}),
    "a body of a GET": ("GET", "/api/errors/{error}", {"status": "ignored", "reason": "r"}, {}),
    "a scope in a header": ("POST", "/api/scan", {"repository": INSIDE}, {"X_Scope": "scan admin"}),
    "a scope in the body": ("POST", "/api/scan", {"repository": INSIDE, "scopes": ["scan"]}, {}),
    "nothing to change": ("PATCH", "/api/errors/{error}", {"status": "open"}, {}),
    "an empty change": ("PATCH", "/api/repositories/{repository}", {}, {}),
    "a publication": ("POST", "/api/fixes/{fix}/publish", None, {"Idempotency_Key": "read-only"}),
    "a log": ("POST", "/api/scans/{scan}/sarif", {"version": "2.1.0", "runs": []}, {}),
    "its own revocation": ("DELETE", "/api/keys/{own}", None, {}),
}


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_reading_key_changes_nothing(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    method, path, body, headers = READ_ONLY[name]
    path = path.replace("{own}", rights.keys["only read"].split("_")[1])
    with nothing_changes():
        answer = call(rights, "only read", method, place(rights, path), body, **headers)
    if method == "GET":
        assert (answer.status_code, answer.json()["status"]) == (200, "open")
    else:
        assert (answer.status_code, answer.json()["reason"]) == (403, "forbidden")
        assert_hidden(rights, answer.text, sent=path)


BLIND: dict[str, tuple[str, str, Json | bytes | None, int]] = {
    "a change that is none": ("PATCH", "/api/errors/{error}", {"status": "fixed"}, 422),
    "a change without a reason": ("PATCH", "/api/errors/{error}", {"status": "ignored"}, 422),
    "a change that is too late": (
        "PATCH",
        "/api/errors/{error}",
        {"status": "ignored", "reason": "r", "until": "2020-01-01T00:00:00Z"},
        409,
    ),
    "a log that is broken": ("POST", "/api/scans/{scan}/sarif", b'{"version": "2.1.0"}', 400),
    "a scan of what is not there": ("POST", "/api/scan", {"repository": "octo/none"}, 404),
    "a body that is none": ("PATCH", "/api/errors/{error}", b"{", 400),
}


@pytest.mark.parametrize("name", BLIND)
def test_a_failing_call_of_a_key_that_may_not_read_shows_nothing(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    method, path, body, status = BLIND[name]
    with nothing_changes():
        answer = call(rights, "only scan", method, place(rights, path), body)
    assert answer.status_code == status, answer.text
    assert_hidden(rights, answer.text, sent=path)


MORE_FIELDS: dict[str, tuple[str, str, Json]] = {
    "a key's own secret": (
        "POST",
        "/api/keys",
        {"name": "k", "scopes": ["read"], "secret_hash": "0"},
    ),
    "a key's prefix": ("POST", "/api/keys", {"name": "k", "scopes": ["read"], "prefix": "a" * 12}),
    "a key of somebody": ("POST", "/api/keys", {"name": "k", "scopes": ["read"], "actor": "key:x"}),
    "a scope of everything": ("POST", "/api/keys", {"name": "k", "scopes": ["*"]}),
    "a scope among scopes": ("POST", "/api/keys", {"name": "k", "scopes": ["read", "root"]}),
    "a pattern of repositories": (
        "POST",
        "/api/keys",
        {"name": "k", "scopes": ["read"], "repositories": ["octo/*"]},
    ),
    "repositories with a line end": (
        "POST",
        "/api/keys",
        {"name": "k", "scopes": ["read"], "repositories": ["octo/inside\n"]},
    ),
    "no repository, which is not all": (
        "POST",
        "/api/keys",
        {"name": "k", "scopes": ["read"], "repositories": []},
    ),
    "a repository's name": ("PATCH", "/api/repositories/{repository}", {"full_name": OUTSIDE}),
    "a repository's number": ("PATCH", "/api/repositories/{repository}", {"github_id": 1}),
    "an error's repository": (
        "PATCH",
        "/api/errors/{error}",
        {"status": "ignored", "reason": "r", "repository": OUTSIDE},
    ),
    "who ignores": (
        "PATCH",
        "/api/errors/{error}",
        {"status": "ignored", "reason": "r", "ignored_by": "google:admin@example.com"},
    ),
    "a scan's id": ("POST", "/api/scan", {"repository": INSIDE, "scan_id": str(uuid.uuid4())}),
    "a scan's installation": ("POST", "/api/scan", {"repository": INSIDE, "installation_id": 1}),
    "who asks": ("POST", "/ai/command", {"command": "why?", "actor": "github:octo"}),
    "another's budget": ("POST", "/ai/command", {"command": "why?", "api_key_id": "1"}),
    "what is in reach": ("POST", "/ai/command", {"command": "why?", "reach": None}),
    "tokens without end": ("POST", "/ai/command", {"command": "why?", "max_output_tokens": 10**9}),
}


@pytest.mark.parametrize("name", MORE_FIELDS)
def test_a_field_that_nobody_may_set_is_refused(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    method, path, body = MORE_FIELDS[name]
    with nothing_changes():
        answer = call(rights, "everything", method, place(rights, path), body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_fields")


# How a name could be checked as one repository and used as another.
TWO_NAMES: dict[str, bytes] = {
    "capitals": b'{"repository": "OCTO/Outside"}',
    "escaped letters": b'{"repository": "oct\\u006f/outside"}',
    "a name twice, the other one last": b'{"repository": "octo/inside", "repository": "octo/outside"}',
    "up and down again": b'{"repository": "octo/inside/../outside"}',
    "an encoded way up": b'{"repository": "octo/inside%2f..%2foutside"}',
    "a query behind the name": b'{"repository": "octo/outside?x=octo/inside"}',
    "a fragment behind the name": b'{"repository": "octo/outside#octo/inside"}',
    "a line end behind the name": b'{"repository": "octo/outside\\n"}',
    "NUL behind the name": b'{"repository": "octo/outside\\u0000"}',
    "a space before the name": b'{"repository": " octo/outside"}',
    "an address": b'{"repository": "https://github.com/octo/outside"}',
    "a list of names": b'{"repository": ["octo/inside", "octo/outside"]}',
    "another repository in the branch": b'{"repository": "octo/inside", "ref": "../../outside/x"}',
    "an option of git": b'{"repository": "octo/inside", "ref": "--upload-pack=x"}',
}


@pytest.mark.parametrize("name", TWO_NAMES)
@pytest.mark.parametrize("path", ["/api/scan", "/ai/command"])
def test_a_name_in_disguise_leads_a_restricted_key_nowhere(
    rights: Rights, nothing_changes: Unchanged, path: str, name: str
) -> None:
    body = TWO_NAMES[name]
    if path == "/ai/command":
        body = body.replace(b"{", b'{"command": "why?", ', 1)
    requests = rights.kova.github.state.requests
    requests.clear()
    with nothing_changes():
        answer = call(rights, "inside", "POST", path, body)
    assert answer.status_code in {404, 422}, answer.text
    assert OUTSIDE not in answer.text.lower()
    assert [request.path for request in requests if "outside" in request.path] == []


NAMES_THAT_ARE_LIKE: dict[str, list[str]] = {
    "a name that begins so": ["octo/insid"],
    "a name that goes on": ["octo/inside-2"],
    "a letter that stands for all": ["octo/in_ide"],
    "an owner's": ["octo-2/inside"],
    "a name of one that is to come": ["octo/to-come"],
    "the hidden name of a repository that gave its name up": ["octo/inside--1"],
}


@pytest.mark.parametrize("name", NAMES_THAT_ARE_LIKE)
def test_a_key_for_a_name_that_is_like_another_sees_nothing(rights: Rights, name: str) -> None:
    wish = {"name": "like", "scopes": list(Scope), "repositories": NAMES_THAT_ARE_LIKE[name]}
    key = call(rights, "everything", "POST", "/api/keys", wish).json()["key"]
    for path in ("/api/errors", "/api/repositories"):
        answer = call(rights, key, "GET", path)
        assert (answer.status_code, answer.json()["items"]) == (200, [])
    for path in ("/api/errors/{error}", "/api/scans/{scan}/sarif"):
        answer = call(rights, key, "GET", place(rights, path))
        assert answer.status_code == 404
        assert_hidden(rights, answer.text)


IDS: dict[str, Callable[[str], str]] = {
    "in capitals": str.upper,
    "as an address of a name": lambda text: f"urn:uuid:{text}",
    "in braces": lambda text: f"%7B{text}%7D",
    "without hyphens": lambda text: text.replace("-", ""),
    "with spaces": lambda text: f"%20{text}%20",
    "with a line end": lambda text: f"{text}%0a",
    "behind one in reach": lambda text: f"{{inside}}/../{text}",
    "beside one in reach": lambda text: f"{{inside}},{text}",
}


@pytest.mark.parametrize("name", IDS)
def test_no_spelling_of_an_id_leads_out_of_the_reach(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    inside, outside = rights.things[INSIDE]["error"], rights.things[OUTSIDE]["error"]
    spelt = IDS[name](outside).replace("{inside}", inside)
    with nothing_changes():
        shown = call(rights, "inside", "GET", f"/api/errors/{spelt}")
        changed = call(
            rights, "inside", "PATCH", f"/api/errors/{spelt}", {"status": "ignored", "reason": "r"}
        )
    assert (shown.status_code, changed.status_code) == (404, 404)
    assert CODE not in shown.text + changed.text
    assert OUTSIDE not in shown.text + changed.text


THINGS = {
    "GET /api/errors/{error}": None,
    "GET /api/fixes/{fix}": None,
    "GET /api/scans/{scan}": None,
    "GET /api/scans/{scan}/sarif": None,
    "GET /ai/commands/{command}": None,
    "PATCH /api/errors/{error}": {"status": "ignored", "reason": "r"},
    "POST /api/fixes/{fix}/publish": {},
    "POST /api/scans/{scan}/sarif": {"version": "2.1.0", "runs": []},
    "POST /ai/command": {"command": "why?", "error_id": "{error}"},
    "PATCH /api/repositories/{repository}": {"auto_fix": "off"},
    "POST /api/scan": {"repository": "{repository}"},
}


@pytest.mark.parametrize("name", THINGS)
def test_what_is_out_of_reach_looks_like_what_never_was(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    """Whoever guesses does not learn that they were right, nor is anything changed or queued."""
    method, _, path = name.partition(" ")
    nowhere = {key: str(uuid.uuid4()) for key in rights.things[OUTSIDE]}
    answers = []
    # That a question was asked is recorded, also where it has no answer.
    with nothing_changes() if path != "/ai/command" else nullcontext():
        for places in (rights.things[OUTSIDE], nowhere | {"repository": "octo/never-was"}):
            wish = THINGS[name]
            body = (
                None
                if wish is None
                else {
                    field: value.format(**places) if isinstance(value, str) else value
                    for field, value in wish.items()
                }
            )
            answer = call(
                rights, "inside", method, path.format(**places), body, X_Request_Id="same"
            )
            answers.append((answer.status_code, answer.text))
    assert answers[0] == answers[1]
    assert not [text for text in secrets_of(rights, OUTSIDE) if text in answers[0][1]]
    assert answers[0][0] in {404, 503}


def test_a_kept_answer_with_a_new_key_is_its_maker_s_alone(
    rights: Rights, nothing_changes: Unchanged
) -> None:
    wish = {"name": "once", "scopes": ["admin"]}
    created = call(rights, "everything", "POST", "/api/keys", wish, Idempotency_Key="one-key")
    assert created.status_code == 201
    with nothing_changes():
        for key in ("only read", "only scan", "only ai"):
            answer = call(rights, key, "POST", "/api/keys", wish, Idempotency_Key="one-key")
            assert answer.status_code == 403, key
            assert created.json()["key"] not in answer.text
            assert "idempotency-replayed" not in answer.headers


def test_a_kept_answer_of_one_route_is_none_of_another(rights: Rights) -> None:
    """Nor does another spelling of the path, or another host, find it."""
    wish = {"repository": INSIDE}
    first = call(rights, "inside", "POST", "/api/scan", wish, Idempotency_Key="a-route")
    assert first.status_code == 202
    fix = place(rights, "/api/fixes/{fix}/publish")
    for path, host in ((fix, "kova"), (fix, "kova/api/scan?"), (f"{fix}%0a", "kova")):
        answer = call(rights, "inside", "POST", path, wish, Idempotency_Key="a-route", Host=host)
        assert (answer.status_code, answer.json()["fix_id"]) == (202, rights.things[INSIDE]["fix"])
        assert first.json()["scan_id"] not in answer.text


def test_a_repository_that_was_renamed_is_out_of_its_key_s_reach(rights: Rights) -> None:
    """Also where another repository has its name by now: what was scanned stays where it was."""
    url = rights.kova.environment["KOVA_DATABASE_URL"]
    ids = asyncio.run(fill_repository_of(url, "octo/renamed"))
    key = rights.make_key(*Scope, repositories=["octo/renamed"])
    assert call(rights, key, "GET", f"/api/errors/{ids['error']}").status_code == 200
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE repositories SET full_name = 'octo/new-name' WHERE full_name = 'octo/renamed'"
        )
    for path in (
        "/api/errors/{error}", "/api/fixes/{fix}", "/api/scans/{scan}", "/api/scans/{scan}/sarif",
        "/ai/commands/{command}",
    ):  # fmt: skip
        answer = call(rights, key, "GET", path.format(**ids))
        assert answer.status_code == 404, path
    for path in ("/api/errors", "/api/scans", "/api/fixes", "/ai/commands", "/api/repositories"):
        assert call(rights, key, "GET", path).json()["items"] == []


FOREIGN_PLACES: dict[str, Json] = {
    "a path out of the repository": {"uri": "../outside/a.py"},
    "an absolute path": {"uri": "file:///builds/octo/outside/a.py"},
    "a base of its own": {"uri": "a.py", "uriBaseId": "OUTSIDE"},
}


@pytest.mark.parametrize("name", FOREIGN_PLACES)
def test_a_log_about_another_repository_changes_nothing_there(rights: Rights, name: str) -> None:
    result = {
        "ruleId": "X1",
        "message": {"text": "planted"},
        "locations": [{"physicalLocation": {"artifactLocation": FOREIGN_PLACES[name]}}],
    }
    run = {
        "tool": {"driver": {"name": "planter", "version": "1"}},
        "originalUriBaseIds": {"OUTSIDE": {"uri": "file:///builds/octo/outside/"}},
        "versionControlProvenance": [{"repositoryUri": f"https://github.com/{OUTSIDE}"}],
        "results": [result],
    }
    log = {"version": "2.1.0", "runs": [run]}
    path = place(rights, "/api/scans/{scan}/sarif?checkout_uri=file:///builds/octo/outside")
    before = call(rights, "outside", "GET", "/api/errors").text
    answer = call(rights, "inside", "POST", path, log)
    assert answer.status_code in {200, 400, 409, 422}, answer.text
    assert OUTSIDE not in answer.text
    assert call(rights, "outside", "GET", "/api/errors").text == before


def test_the_list_of_keys_opens_nothing(rights: Rights) -> None:
    """Not even for an administrator: neither a secret nor its hash is in it."""
    listed = call(rights, "everything", "GET", "/api/keys?limit=100").text
    with psycopg.connect(rights.kova.environment["KOVA_DATABASE_URL"]) as connection:
        hashes = [bytes(row[0]) for row in connection.execute("SELECT secret_hash FROM api_keys")]
    assert len(hashes) > 5
    for secret_hash in hashes:
        assert secret_hash.hex() not in listed
        assert base64.b64encode(secret_hash).decode() not in listed
    for key in rights.keys.values():
        assert key.split("_")[2] not in listed


@pytest.mark.parametrize("prefix", ["%25", "*", "____________", "%00", "everything"])
def test_a_pattern_in_place_of_a_prefix_revokes_no_key(
    rights: Rights, nothing_changes: Unchanged, prefix: str
) -> None:
    with nothing_changes():
        assert call(rights, "everything", "DELETE", f"/api/keys/{prefix}").status_code == 404


def test_who_did_it_is_the_key_s_name_whatever_else_is_said(rights: Rights) -> None:
    error = place(rights, "/api/errors/{error}")
    names = ("X_Actor", "From", "X_Forwarded_User", "Remote_User")
    claims = dict.fromkeys(names, "google:admin@example.com")
    for body in ({"status": "ignored", "reason": "r"}, {"status": "open"}):
        answer = call(rights, "inside", "PATCH", error, body, **claims)
        assert answer.status_code == 200
    events = call(rights, "everything", "GET", "/api/audit?limit=2").json()["items"]
    assert {event["actor"] for event in events} == {f"key:{rights.keys['inside'].split('_')[1]}"}
