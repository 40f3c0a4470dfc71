"""No question to a model leads out of the reach of whoever asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import psycopg
import pytest

from kova.access.api_key import Scope
from kova.access.person import csrf_token
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI, serve_openai
from tests.rights.conftest import INSIDE, OUTSIDE, Rights, fill_repository_of
from tests.rights.routes import form, page
from tests.security.conftest import METRICS_TOKEN
from tests.security.outside import MARK, assert_nothing_of_outside, call, run_marked
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
def openai_server() -> Iterator[FakeOpenAI]:
    with serve_openai() as fake:
        yield fake


@pytest.fixture
def openai(openai_server: FakeOpenAI) -> FakeOpenAI:
    openai_server.script.reset()
    return openai_server


@pytest.fixture(scope="module")
def rights(tmp_path_factory: pytest.TempPathFactory, openai_server: FakeOpenAI) -> Iterator[Rights]:
    variables = {
        "OPENAI_API_KEY": openai_server.script.api_key,
        "OPENAI_BASE_URL": openai_server.url,
    }
    with run_marked(tmp_path_factory.mktemp("answers"), **variables) as product:
        yield product


def ask(rights: Rights, question: str, /, *, key: str = "inside", **fields: Any) -> httpx.Response:
    headers = fields.pop("headers", {})
    body = {"command": question, **fields}
    return call(rights, "POST", "/ai/command", body, key=key, **headers)


def shown_to_the_model(openai: FakeOpenAI) -> str:
    return json.dumps([received.body for received in openai.script.calls])


QUESTIONS: dict[str, Mapping[str, Any]] = {
    "about the repository": {"repository": OUTSIDE},
    "about it in capitals": {"repository": OUTSIDE.upper()},
    "about its error": {"error_id": "{error}"},
    "about its error in one's own repository": {"error_id": "{error}", "repository": INSIDE},
    "about its file": {"repository": OUTSIDE, "path": "a.py"},
    "about its commit in one's own repository": {
        "repository": INSIDE,
        "path": "a.py",
        "ref": "{commit}",
    },
    "about its pull request": {"repository": OUTSIDE, "pull_request": 1, "task": "review"},
    "with one's own code": {"repository": OUTSIDE, "code": "x = 1", "path": "a.py"},
}


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_out_of_reach_is_not_asked(
    rights: Rights, openai: FakeOpenAI, name: str, accept: str
) -> None:
    state = rights.kova.github.state
    places = rights.things[OUTSIDE] | {"commit": state.head(OUTSIDE, "main")}
    fields = {
        field: value.format(**places) if isinstance(value, str) else value
        for field, value in QUESTIONS[name].items()
    }
    state.requests.clear()
    answer = ask(rights, "what is this?", headers={"Accept": accept}, **fields)
    if answer.headers["content-type"].startswith("text/event-stream"):
        assert "event: problem" in answer.text
        assert "event: answer" not in answer.text
    else:
        assert answer.status_code == 404, answer.text
    assert openai.script.calls == []
    assert [request.path for request in state.requests if "outside" in request.path] == []
    assert_nothing_of_outside(rights, answer.text, sent=json.dumps(fields))


PAGE_QUESTIONS: dict[str, Mapping[str, str]] = {
    "about the repository": {"repository": OUTSIDE},
    "about its file": {"repository": OUTSIDE, "path": "a.py"},
    "about its error": {"error_id": "{error}"},
    "about its error in one's own repository": {"error_id": "{error}", "repository": INSIDE},
    "of a path that leads out": {"repository": INSIDE, "path": "../outside/a.py"},
}


@pytest.mark.parametrize("accept", ["text/html", "text/event-stream"])
@pytest.mark.parametrize("name", PAGE_QUESTIONS)
def test_a_page_asks_nothing_out_of_its_person_s_reach(
    rights: Rights, openai: FakeOpenAI, name: str, accept: str
) -> None:
    fields = {
        field: value.format(**rights.things[OUTSIDE])
        for field, value in PAGE_QUESTIONS[name].items()
    }
    token = rights.sessions["member inside"].token
    answer = rights.kova.stranger.post(
        f"{rights.kova.address}/ui/ask",
        data={"question": "what is this?", "csrf_token": csrf_token(token), **fields},
        headers={"Cookie": f"kova={token}", "Accept": accept},
    )
    assert answer.status_code == 404 or "event: problem" in answer.text
    assert "event: answer" not in answer.text
    assert openai.script.calls == []
    # What was typed stands in the form again, and questions of before below it.
    assert_nothing_of_outside(rights, answer.text, sent=OUTSIDE + rights.things[OUTSIDE]["error"])


def test_a_question_for_later_is_asked_within_the_reach_of_who_asked(
    rights: Rights, openai: FakeOpenAI
) -> None:
    later = {"Prefer": "respond-async"}
    assert ask(rights, "why?", repository=OUTSIDE, headers=later).status_code == 404
    error = rights.things[OUTSIDE]["error"]
    queued = ask(rights, "why?", error_id=error, headers=later)
    assert queued.status_code == 202
    rights.kova.start_worker()

    def ended() -> dict[str, Any] | None:
        row: dict[str, Any] = call(rights, "GET", queued.headers["location"]).json()
        return None if row["outcome"] in {"queued", "running"} else row

    row = eventually(ended, 60, pause=0.1)
    assert row["outcome"] == "no_context"
    assert openai.script.calls == []
    assert_nothing_of_outside(rights, json.dumps(row), sent=error)


WHERE = "where is the vault opened?"


def ask_about_outside(rights: Rights, question: str = WHERE, **fields: Any) -> dict[str, Any]:
    """Ask as the key that reaches everything; the model is shown code of the other repository."""
    answer = ask(rights, question, key="everything", repository=OUTSIDE, **fields)
    assert answer.status_code == 200, answer.text
    assert answer.json()["citations"][0]["path"] == f"{MARK}/vault.py"
    document: dict[str, Any] = answer.json()
    return document


def test_what_is_retrieved_is_of_the_repository_that_was_asked_about(
    rights: Rights, openai: FakeOpenAI
) -> None:
    answer = ask(rights, WHERE, repository=INSIDE)
    assert answer.json()["citations"] == [
        {"path": "inside/vault.py", "start_line": 1, "end_line": 1}
    ]
    assert "inside/vault.py" in shown_to_the_model(openai)
    assert_nothing_of_outside(rights, shown_to_the_model(openai) + answer.text)


def test_a_repository_that_only_the_question_names_is_not_searched(
    rights: Rights, openai: FakeOpenAI
) -> None:
    question = f"show me open_vault of {OUTSIDE}, in {OUTSIDE}/vault.py"
    answer = ask(rights, question)
    assert answer.json()["citations"] == []
    assert_nothing_of_outside(rights, shown_to_the_model(openai) + answer.text, sent=question)


def test_a_model_that_cites_another_repository_is_not_believed(
    rights: Rights, openai: FakeOpenAI
) -> None:
    place = {
        "path": f"{MARK}/vault.py",
        "start_line": 1,
        "end_line": 1,
        "quote": "def open_vault():",
    }
    openai.script.then(ModelReply(text=json.dumps({"answer": "There.", "citations": [place]})))
    answer = ask(rights, "who opens the vault, and where?", repository=INSIDE).json()
    assert (answer["citations"], answer["dropped"]) == ([], 1)


@pytest.mark.parametrize("fields", [{"repository": INSIDE}, {}], ids=["one's own", "no repository"])
def test_an_answer_that_is_cached_for_another_repository_is_none(
    rights: Rights, openai: FakeOpenAI, fields: dict[str, str]
) -> None:
    question = f"is it cached, with {len(fields)}?"
    openai.script.always = ModelReply(text=json.dumps({"answer": MARK, "citations": []}))
    first = ask(rights, question, key="everything", repository=OUTSIDE, code="x = 1", path="x.py")
    again = ask(rights, question, key="everything", repository=OUTSIDE, code="x = 1", path="x.py")
    assert (first.json()["cached"], again.json()["cached"]) == (False, True)
    openai.script.always = ModelReply()
    answer = ask(rights, question, code="x = 1", path="x.py", **fields)
    assert answer.json()["cached"] is False
    assert_nothing_of_outside(rights, answer.text)


@pytest.mark.parametrize("key", ["inside", "outside", "only ai"])
def test_a_conversation_goes_on_with_the_key_that_began_it_alone(
    rights: Rights, openai: FakeOpenAI, key: str
) -> None:
    session = ask_about_outside(rights, session_id=f"talk-{key.replace(' ', '-')}")["session_id"]
    openai.script.calls.clear()
    answer = ask(rights, "what did I ask before?", key=key, session_id=session)
    assert answer.status_code == 404
    assert openai.script.calls == []
    assert MARK not in answer.text


@pytest.mark.parametrize("key", ["inside", "only ai", "only read", "only admin"])
def test_an_answer_is_shown_to_who_asked_and_to_nobody_with_less_reach(
    rights: Rights, openai: FakeOpenAI, key: str
) -> None:
    del openai
    command = ask_about_outside(rights)["id"]
    answer = call(rights, "GET", f"/ai/commands/{command}", key=key)
    assert answer.status_code in {403, 404}
    assert_nothing_of_outside(rights, answer.text, sent=command)
    listed = call(rights, "GET", "/ai/commands?limit=100", key=key).text
    assert command not in listed
    # What the key itself has asked before stays in its list.
    own = OUTSIDE + rights.things[OUTSIDE]["error"]
    assert_nothing_of_outside(rights, listed, sent=own)


def test_a_person_who_sees_less_today_does_not_see_what_they_asked_before(
    rights: Rights, openai: FakeOpenAI
) -> None:
    """The actor is the same; the other repository is in their reach no more."""
    del openai
    fields = {"question": WHERE, "repository": OUTSIDE}
    question_form = form("/ui/ask", Scope.AI, **fields)
    page_of_answer = rights.call("POST", question_form, INSIDE, session="member").text
    assert f"{MARK}/vault.py" in page_of_answer
    with psycopg.connect(rights.kova.environment["KOVA_DATABASE_URL"]) as connection:
        (command,) = connection.execute(
            "SELECT id::text FROM ai_commands WHERE actor LIKE 'google:member%' AND outcome = 'ok'"
        ).fetchone() or ("",)
    own = page(f"/ui/ask/{command}", Scope.AI)
    assert rights.call("GET", own, INSIDE, session="member").status_code == 200
    answer = rights.call("GET", own, INSIDE, session="member inside")
    assert answer.status_code == 404
    listed = rights.call("GET", page("/ui/ask", Scope.AI), INSIDE, session="member inside")
    assert_nothing_of_outside(rights, answer.text + listed.text)


def test_a_question_about_nothing_is_no_other_key_s(rights: Rights, openai: FakeOpenAI) -> None:
    """Its code may be of any repository: a restricted administrator does not see it."""
    del openai
    code = f"password_of = '{MARK}'"
    command = ask(rights, "what is it?", key="everything", code=code).json()["id"]
    for key in ("inside", "outside", "only ai"):
        assert call(rights, "GET", f"/ai/commands/{command}", key=key).status_code == 404
        assert MARK not in call(rights, "GET", "/ai/commands?limit=100", key=key).text or (
            key == "outside"
        )


def test_a_kept_answer_is_not_given_to_another_key(rights: Rights, openai: FakeOpenAI) -> None:
    del openai
    once = {"Idempotency-Key": "an-answer"}
    first = ask_about_outside(rights, headers=once)
    answer = ask(rights, WHERE, repository=OUTSIDE, headers=once)
    assert answer.status_code == 404
    assert first["id"] not in answer.text
    assert "idempotency-replayed" not in answer.headers
    assert_nothing_of_outside(rights, answer.text)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/scan", {"repository": "octo/alias"}),
        ("/ai/command", {"command": "why?", "repository": "octo/alias"}),
        ("/ai/command", {"command": "why?", "repository": "octo/alias", "path": "a.py"}),
        ("/ai/command", {"command": "why?", "repository": "octo/alias", "pull_request": 1}),
    ],
    ids=["a scan", "a question", "a file", "a pull request"],
)
def test_a_name_that_github_leads_elsewhere_does_not_lead_there(
    rights: Rights, openai: FakeOpenAI, path: str, body: dict[str, Any]
) -> None:
    """Whoever has a repository's former name in the reach of a key has not its new one."""
    state = rights.kova.github.state
    if state.moved("octo/alias") is None:
        state.create_repository("octo/alias", files={"a.py": MARK.encode()})
        state.transfer("octo/alias", "octo/moved-away")
    key = rights.make_key(*Scope, repositories=["octo/alias"])
    state.requests.clear()
    answer = call(rights, "POST", path, body, key=key)
    assert answer.status_code == 404, answer.text
    assert MARK not in answer.text
    assert openai.script.calls == []
    read = {request.path.split("/", 4)[-1] for request in state.requests}
    assert not [part for part in read if part.startswith(("git", "contents", "tarball", "pulls"))]
    with psycopg.connect(rights.kova.environment["KOVA_DATABASE_URL"]) as connection:
        row = connection.execute("SELECT count(*) FROM repositories WHERE full_name LIKE 'octo/m%'")
        assert row.fetchone() == (0,)


FROM_A_RENAMED_ONE: dict[str, Mapping[str, Any]] = {
    "a file": {"path": "a.py"},
    "a file of its branch": {"path": "a.py", "ref": "main"},
    "a pull request": {"pull_request": 1, "task": "review"},
    "the lines around an error": {"error_id": "{error}"},
}


@pytest.mark.parametrize("name", FROM_A_RENAMED_ONE)
def test_a_watched_repository_that_github_has_renamed_is_not_read_by_its_old_name(
    rights: Rights, openai: FakeOpenAI, name: str
) -> None:
    """Kova may not have heard of it yet: what came into it since is not for the old name's key."""
    state, url = rights.kova.github.state, rights.kova.environment["KOVA_DATABASE_URL"]
    old, new = f"octo/before-{len(name)}", f"octo/after-{len(name)}"
    state.create_repository(old, files={"a.py": b"x = 1\n"})
    ids = asyncio.run(fill_repository_of(url, old))
    state.transfer(old, new)
    state.push(new, {"a.py": MARK.encode()})
    state.push(new, {"b.py": MARK.encode()}, branch="change")
    state.open_pull(new, head="change", base="main", title=MARK)
    fields = {
        field: value.format(**ids) if isinstance(value, str) else value
        for field, value in FROM_A_RENAMED_ONE[name].items()
    }
    key = rights.make_key(*Scope, repositories=[old])
    answer = ask(rights, "what is this?", key=key, repository=old, **fields)
    # What the last scan stored of an error is known by the name of that day.
    assert answer.status_code == (200 if "error_id" in fields else 404), answer.text
    assert MARK not in answer.text + shown_to_the_model(openai)


def test_no_figure_of_prometheus_names_a_repository_or_what_callers_send(
    rights: Rights, openai: FakeOpenAI
) -> None:
    del openai
    junk = "junk-of-a-caller"
    stranger, address = rights.kova.stranger, rights.kova.address
    stranger.get(f"{address}/{junk}/{OUTSIDE}")
    stranger.request(junk.upper(), f"{address}/api/errors")
    hook = {"X-GitHub-Event": junk, "X-GitHub-Delivery": junk}
    stranger.post(f"{address}/webhooks/github", headers=hook, content=b"{}")
    rights.kova.github.deliver(f"{address}/webhooks/github", "junk_of_a_caller", {"a": "b"}, junk)
    ask(rights, junk, task="analyze", key="everything", repository=OUTSIDE)
    token = {"Authorization": f"Bearer {METRICS_TOKEN}"}

    def text() -> str:
        answer: httpx.Response = stranger.get(f"{address}/metrics", headers=token)
        return answer.text if "kova_ai_commands_total{" in answer.text else ""

    figures = eventually(text, 30)
    assert "kova_http_requests_total{" in figures
    for secret in (junk, junk.upper(), "junk_of_a_caller", INSIDE, OUTSIDE, MARK):
        assert secret not in figures
    for key in rights.keys.values():
        assert key.split("_")[1] not in figures
