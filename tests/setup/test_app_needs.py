"""The table of permissions and events, held against what the code calls and what GitHub knows."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kova.intake.delivery import KNOWN_EVENTS
from kova.setup.app_needs import (
    ALWAYS_DELIVERED,
    EVENTS,
    LEVELS,
    OF_INSTALLATION,
    PERMISSIONS,
    WITHOUT_APP,
    missing_events,
    missing_permissions,
)
from kova_fakes.github import permissions as practice

ADAPTERS = Path(__file__).parents[2] / "layers/common/kova/adapters/github"
CALLS = {call: permission for permission in PERMISSIONS for call in permission.calls}
_PLACE = re.compile(r"\{[^}]*\}")
# Calls of the App itself, with its JWT, and those of a person who signs in, with their own token,
# which need no permission of the App; and the names that stand for any path.
JWT_MODULES = {"app.py", "auth.py", "installations.py", "sign_in.py", "user_access.py"}
TRANSPORT = {"client.py", "transport.py", "protocol.py"}


def literal(node: ast.expr) -> str | None:
    """Return a text with `{}` where a value is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return None


def called_paths() -> Iterator[tuple[str, str]]:
    """Yield the module and every path of the API that stands in the adapters."""
    for file in sorted(ADAPTERS.glob("*.py")):
        if file.name in JWT_MODULES | TRANSPORT:
            continue
        tree = ast.parse(file.read_text())
        formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        pieces = {id(piece) for text in formatted for piece in text.values}
        for node in ast.walk(tree):
            if id(node) in pieces:
                continue
            text = literal(node) if isinstance(node, ast.Constant | ast.JoinedStr) else None
            if text and re.fullmatch(r"/[a-z]+[a-z0-9/{}.?=&_-]*", text):
                yield file.name, text.partition("?")[0].replace("{}{}", "{}")


def shape(path: str) -> str:
    return _PLACE.sub("{}", path)


def test_every_path_of_the_adapters_is_in_the_table() -> None:
    table = {shape(call.partition(" ")[2]) for call in (*CALLS, *WITHOUT_APP)}
    paths = set(called_paths())
    assert len(paths) > 12
    for module, path in paths:
        called = path.replace("/heads/{}", "/{}").replace("{}...{}", "{}")
        assert called in table, f"{module} calls {path}: add it to kova/setup/app_needs.py"


def test_the_practice_github_wants_just_these_permissions_for_the_calls() -> None:
    for call, permission in CALLS.items():
        method, _, path = call.partition(" ")
        address = "/repos/octo/sample" + _PLACE.sub("1", path)
        assert practice.allows({permission.name: permission.access}, method, address), call
        others = {other.name: other.access for other in PERMISSIONS if other is not permission}
        alternatives = {"issues", "pull_requests"} if "/issues/" in call else set()
        for name in alternatives:
            others.pop(name, None)
        assert not practice.allows(others, method, address), call


def test_what_is_asked_of_an_installation_is_there_for_every_app() -> None:
    source = (ADAPTERS / "installations.py").read_text()
    for call in OF_INSTALLATION:
        assert f'"{call.partition(" ")[2]}"' in source


def test_write_is_asked_for_only_where_something_is_written() -> None:
    for permission in PERMISSIONS:
        writes = [call for call in permission.calls if not call.startswith("GET ")]
        assert (permission.access == "write") == bool(writes), permission.name


def test_the_events_are_those_that_the_webhook_reads() -> None:
    assert {event.name for event in EVENTS} == KNOWN_EVENTS - ALWAYS_DELIVERED


def test_every_event_is_covered_by_a_permission_that_is_asked_for() -> None:
    names = {permission.name for permission in PERMISSIONS}
    for event in EVENTS:
        assert event.permission in names
        assert event.permission in practice.EVENTS[event.name]


def test_githubs_own_description_knows_all_of_it() -> None:
    name = os.environ.get("KOVA_GITHUB_OPENAPI")
    if not name:
        pytest.skip("KOVA_GITHUB_OPENAPI names no OpenAPI description")
    description = json.loads(Path(name).read_text())
    known = description["components"]["schemas"]["app-permissions"]["properties"]
    for permission in PERMISSIONS:
        assert permission.access in known[permission.name]["enum"]
    paths = {shape(path): operations for path, operations in description["paths"].items()}
    # Left out of the copy that is at hand.
    beyond = {"GET /commits/{}/statuses"}
    for call in (*CALLS, *WITHOUT_APP):
        method, _, path = call.partition(" ")
        if f"{method} {shape(path)}" not in beyond:
            assert method.lower() in paths["/repos/{}/{}" + shape(path)], call
    assert known.keys() >= practice.NAMES


def test_what_lacks_is_named() -> None:
    everything = {permission.name: permission.access for permission in PERMISSIONS}
    assert missing_permissions(everything) == ()
    assert missing_permissions({**everything, "checks": "read"}) == ("checks: write",)
    assert missing_permissions({**everything, "contents": "admin"}) == ()
    assert missing_permissions({}) == tuple(f"{p.name}: {p.access}" for p in PERMISSIONS)
    others = frozenset(event.name for event in EVENTS) - {"pull_request"}
    assert missing_events(others) == ("pull_request",)
    assert set(LEVELS) == {"read", "write", "admin"}
