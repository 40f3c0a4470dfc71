"""Hostile logs at the door of the API, over a real Postgres, and at the one of the command line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from kova.access.api_key import Scope
from kova.bootstrap.settings import load_settings
from kova_fakes.github import serve_github
from kova_server.application import application
from kova_server.keys import create_key
from tests.cli.test_scan import kova
from tests.conftest import fresh_database
from tests.scans.conftest import Desk
from tests.scans.test_sarif import check_github_rules
from tests.scans.test_sarif_import import RESULT, RULE, log, result_at
from tests.support.analyzer import MarkAnalyzer

ODD: tuple[Any, ...] = (None, 1.5, 10**300, True, "\ud800\0\x1b[2J", [[]], {"a": {}})
"""A value of each kind, each with what a database or a terminal does not take."""


class SarifDoor:
    """The API of one repository that was scanned once, as a client sees it."""

    def __init__(self, desk: Desk, redis_url: str, database_url: str) -> None:
        variables = {
            "KOVA_ENV": "local",
            "KOVA_DATABASE_URL": database_url,
            "KOVA_REDIS_URL": redis_url,
            "KOVA_GITHUB_API_URL": "http://127.0.0.1:9",
            "KOVA_RATE_LIMIT_PER_MINUTE": "1000000",
        }
        self.desk = desk
        desk.analyzers = [MarkAnalyzer()]
        desk.push({"a.py": b"def f():\n    BAD(x)\n", "b.py": b"x = 1\n"})
        self.scan_id = desk.scan(fix=False).id
        key = desk.run(create_key(variables, "test", list(Scope)))
        self._app = application(load_settings(variables))
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://kova", headers={"x-api-key": key}
        )

    def close(self) -> None:
        self.desk.run(self._client.aclose())
        self.desk.run(self._app.state.process.close())
        self.desk.close()

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.desk.run(self._client.get(path, params=query))  # type: ignore[no-any-return]

    def post(
        self, body: bytes, headers: dict[str, str] | None = None, **query: str
    ) -> httpx.Response:
        sent = {"content-type": "application/sarif+json", **(headers or {})}
        call = self._client.post(
            f"/api/scans/{self.scan_id}/sarif", content=body, headers=sent, params=query
        )
        return self.desk.run(call)  # type: ignore[no-any-return]

    def own_errors(self) -> list[dict[str, Any]]:
        """Return Kova's own errors, after everything that shows errors was asked."""
        listed = self.get("/api/errors", limit="100")
        assert listed.status_code == 200, listed.text
        out = self.get(f"/api/scans/{self.scan_id}/sarif")
        assert out.status_code == 200, out.text
        check_github_rules(out.json())
        return [error for error in listed.json()["items"] if error["analyzer"] == "tool"]


@pytest.fixture(scope="module")
def door() -> Iterator[SarifDoor]:
    from tests.support.services import services_in_force

    with fresh_database() as database_url, serve_github() as github:
        opened = SarifDoor(
            Desk(github, database_url), services_in_force()["KOVA_REDIS_URL"], database_url
        )
        yield opened
        opened.close()


def members(value: Any, path: Sequence[Any] = ()) -> Iterator[Sequence[Any]]:
    """Yield the way to each member of a JSON value."""
    inside = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list)
        else ()
    )  # fmt: skip
    for key, part in inside:
        yield (*path, key)
        yield from members(part, (*path, key))


def replaced(value: Any, path: Sequence[Any], odd: Any) -> Any:
    copy = json.loads(json.dumps(value))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = odd
    return copy


@pytest.mark.parametrize("odd", ODD, ids=lambda value: type(value).__name__)
def test_every_member_of_a_result_may_be_of_any_kind(door: SarifDoor, odd: Any) -> None:
    full = {**RESULT, "level": "error", "kind": "fail", "suppressions": [{"kind": "inSource"}],
            "partialFingerprints": {"a": "b"}, "baselineState": "new"}  # fmt: skip
    before = door.own_errors()
    results = [replaced(full, path, odd) for path in members(full)]
    answer = door.post(log(*results))
    assert answer.status_code == 200, answer.text
    (tool,) = answer.json()["tools"]
    assert tool["accepted"] + sum(tool["refused"].values()) == len(results)
    assert door.own_errors() == before


@pytest.mark.parametrize("odd", ODD[::3], ids=lambda value: type(value).__name__)
def test_every_member_of_a_run_may_be_of_any_kind(door: SarifDoor, odd: Any) -> None:
    run = {
        "tool": {"driver": {"name": "T", "semanticVersion": "1", "rules": [RULE]},
                 "extensions": [{"rules": [RULE]}]},
        "automationDetails": {"id": "api/1"},
        "originalUriBaseIds": {"%SRCROOT%": {"uri": "file:///r/", "uriBaseId": "A"}},
        "artifacts": [{"location": {"uri": "a.py", "index": 0}, "roles": ["analysisTarget"]}],
        "invocations": [{"executionSuccessful": True, "workingDirectory": {"uri": "file:///r/"}}],
        "versionControlProvenance": [{"mappedTo": {"uriBaseId": "%SRCROOT%"}}],
        "results": [RESULT],
    }  # fmt: skip
    before = door.own_errors()
    for path in members(run):
        body = json.dumps({"version": "2.1.0", "runs": [replaced(run, path, odd)]}).encode()
        answer = door.post(body)
        assert answer.status_code in {200, 400}, (path, answer.text)
    assert door.own_errors() == before


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(log().decode().encode("utf-16"), {}, 400, id="utf-16"),
        pytest.param(gzip.compress(log()), {"content-encoding": "gzip"}, 415, id="packed"),
        pytest.param(b"[" * 5_000_000, {}, 400, id="nested-without-end"),
        pytest.param(b"[" + b"0," * 2_000_000 + b"0]", {}, 400, id="two-million-numbers"),
        pytest.param(b'{"version": "2.1.0", "runs": [{}]}', {}, 400, id="tool-without-a-name"),
        pytest.param(log(*[RESULT] * 25_001), {}, 400, id="25001-results"),
        pytest.param(log(), {"content-type": "application/sarif+json, text/html"}, 415, id="kinds"),
    ],
)
def test_a_log_that_is_refused_is_a_problem_that_repeats_nothing_of_it(
    door: SarifDoor, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = door.post(body, headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 1_000
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "checkout",
    ["file:///", "/", "file:///r/%2e%2e/", "/..", "\0", "\ud800".encode("utf-8", "replace").decode(),
     "http://127.0.0.1/r/", "C:", "//server/share"],
    ids=["machine", "root", "escaped-dots", "above", "nul", "question", "web", "drive", "share"],
)  # fmt: skip
def test_a_checkout_that_is_no_folder_places_nothing(door: SarifDoor, checkout: str) -> None:
    answer = door.post(log(result_at("file:///etc/passwd")), checkout_uri=checkout)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 200:
        assert answer.json()["tools"][0]["refused"] == {"no_path_in_the_repository": 1}


def test_two_tools_and_what_keeps_one_of_them_apart_have_three_lives(door: SarifDoor) -> None:
    runs = [
        json.loads(log(result_at(f"t{number}.py"), tool={"driver": {"name": name}}))["runs"][0]
        for number, name in enumerate(["tool", "tool (sarif)", "TOOL"])
    ]
    answer = door.post(json.dumps({"version": "2.1.0", "runs": runs}).encode())
    assert answer.status_code == 200, answer.text
    names = {tool["analyzer"] for tool in answer.json()["tools"]}
    assert len(names) == 3
    assert "tool" not in names
    assert [error["status"] for error in door.own_errors()] == ["open"]


@pytest.mark.parametrize("form", ["table", "sarif"])
def test_the_command_shows_hostile_texts_as_texts(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    sarif_file = tmp_path / "[red]other.sarif"
    texts = ["[/bold][link=file:///x]y[/link]", "\x1b]0;evil\x07\x1b[2J", "\ud800\0", "\u202eevil"]
    results = [{**RESULT, "message": {"text": text}, "ruleId": text} for text in texts]
    sarif_file.write_bytes(log(*results, result_at("../../etc/passwd")))
    shown = kova(folder, "--sarif", sarif_file, "--format", form, code=1)
    assert not {"\x1b", "\x07", "\0"} & set(shown)
    assert "[/bold]" in shown
    if form == "sarif":
        check_github_rules(json.loads(shown))
    else:
        assert "sarif_no_path_in_the_repository" in shown
