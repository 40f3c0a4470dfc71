"""POST /ai/command: what is asked, who answers, what comes back and what is remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kova.access.api_key import Scope
from kova_fakes.anthropic.server import FakeAnthropic
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.commands.conftest import Ai

CODE = "import os\n\n\ndef greet(name):\n    return 'hello ' + name\n"


def test_an_answer_has_everything_that_the_contract_names(ai: Ai, gpt: FakeOpenAI) -> None:
    answer = ai.ask("what does greet return?", code=CODE, path="pkg/greet.py")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["task"] == "analyze"
    assert (body["provider"], body["model"]) == ("openai", "gpt-6.1-sol")
    assert body["citations"] == [{"path": "pkg/greet.py", "start_line": 4, "end_line": 4}]
    assert "def greet" in body["output"]
    assert body["usage"]["input_tokens"] > 0
    assert body["usage"]["cost_usd"] > 0
    assert (body["cached"], body["fallback"]) == (False, False)
    assert body["session_id"]
    (row,) = ai.rows()
    assert str(row["id"]) == body["id"]
    assert row["outcome"] == "ok"
    assert float(row["cost_usd"]) == body["usage"]["cost_usd"]
    assert gpt.script.refused == []


@pytest.mark.parametrize(
    ("task", "provider"),
    [
        ("generate", "openai"),
        ("analyze", "openai"),
        ("review", "anthropic"),
        ("suggest", "anthropic"),
    ],
)
def test_each_task_goes_to_its_provider(
    ai: Ai, claude: FakeAnthropic, task: str, provider: str
) -> None:
    body = ai.ask("do it", task=task, code=CODE).json()
    assert (body["task"], body["provider"]) == (task, provider)
    assert claude.script.refused == []


def test_a_named_provider_is_asked_alone(ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic) -> None:
    claude.script.always = ModelReply(kind="error", status=503)
    answer = ai.ask("explain", provider="anthropic")
    assert answer.status_code == 503
    assert gpt.script.calls == []


def test_without_any_key_it_says_so_and_the_rest_works(start: Callable[..., Ai]) -> None:
    ai = start(OPENAI_API_KEY="", OPENAI_BASE_URL="", ANTHROPIC_API_KEY="")
    answer = ai.ask()
    assert (answer.status_code, answer.json()["reason"]) == (503, "ai_not_configured")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"]
    assert ai.client.get("/api/scans").status_code == 200
    assert ai.outcomes() == ["not_configured"]


@pytest.mark.parametrize("missing", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"])
def test_with_one_key_every_task_is_answered_by_it(start: Callable[..., Ai], missing: str) -> None:
    ai = start(**{missing: "", "OPENAI_BASE_URL": ""} if missing[0] == "O" else {missing: ""})
    for task in ("generate", "analyze", "review", "suggest"):
        body = ai.ask("do it", task=task).json()
        assert body["provider"] == ("anthropic" if missing[0] == "O" else "openai")
        assert body["fallback"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"command": ""},
        {"command": "   "},
        {"command": "x" * 8_001},
        {"command": 3},
        {"command": "x", "task": "dance"},
        {"command": "x", "code": "é" * 50_001},
        {"command": "x", "repository": "nonsense"},
        {"command": "x", "path": "../etc/passwd"},
        {"command": "x", "ref": "a..b"},
        {"command": "x", "provider": "mine"},
        {"command": "x", "max_output_tokens": 1},
        {"command": "x", "session_id": "a b"},
        {"command": "x", "temperature": 1},
    ],
)
def test_a_bad_field_is_422_and_costs_nothing(ai: Ai, gpt: FakeOpenAI, body: Any) -> None:
    answer = ai.client.post("/ai/command", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_fields")
    assert gpt.script.calls == []
    assert ai.rows() == []


def test_it_takes_the_scope_ai(ai: Ai, make_key: Callable[..., str]) -> None:
    other_headers = {"Authorization": f"Bearer {make_key(Scope.READ, Scope.SCAN)}"}
    assert ai.ask("why", headers=other_headers).status_code == 403
    assert ai.client.get("/ai/commands", headers=other_headers).status_code == 403
    assert ai.ask("why", headers={"Authorization": ""}).status_code == 401


def test_commands_are_listed_and_shown_to_their_own_key_and_to_admins(
    ai: Ai, make_key: Callable[..., str]
) -> None:
    ids = [ai.ask(f"why {number}?").json()["id"] for number in range(3)]
    page = ai.client.get("/ai/commands", params={"limit": 2}).json()
    rest = ai.client.get("/ai/commands", params={"cursor": page["next_cursor"]}).json()
    assert [command["id"] for command in page["items"] + rest["items"]] == ids[::-1]
    shown = ai.client.get(f"/ai/commands/{ids[0]}").json()
    assert (shown["command"], shown["outcome"]) == ("why 0?", "ok")
    other_headers = {"Authorization": f"Bearer {make_key(Scope.AI)}"}
    assert ai.client.get("/ai/commands", headers=other_headers).json()["items"] == []
    assert ai.client.get(f"/ai/commands/{ids[0]}", headers=other_headers).status_code == 404
    assert ai.client.get("/ai/commands/nonsense").status_code == 404


def test_the_same_command_again_is_cached_and_free(ai: Ai, gpt: FakeOpenAI) -> None:
    first = ai.ask("what is it?", code=CODE).json()
    second = ai.ask("what is it?", code=CODE).json()
    assert second["cached"] is True
    assert second["output"] == first["output"]
    assert second["citations"] == first["citations"]
    assert second["usage"] == {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}
    assert gpt.script.count("/responses") == 1
    assert ai.ask("what is it?", code=CODE + "\n").json()["cached"] is False
    assert ai.meter.total("kova_ai_cache_requests_total", result="hit") == 1
    assert [float(row["cost_usd"]) > 0 for row in ai.rows()] == [True, False, True]


def test_without_redis_it_still_answers_and_the_budget_still_holds(
    start: Callable[..., Ai],
) -> None:
    ai = start(KOVA_REDIS_URL="redis://127.0.0.1:9/0", KOVA_MONTHLY_BUDGET_USD="0.05")
    first = ai.ask("why?").json()
    assert (first["cached"], first["session_id"]) == (False, None)
    assert ai.ask("why?").json()["cached"] is False
    answer = ai.ask("why?", max_output_tokens=16_000)
    assert (answer.status_code, answer.json()["reason"]) == (429, "budget_exhausted")


def test_a_session_carries_the_turns_and_belongs_to_its_key(
    ai: Ai, gpt: FakeOpenAI, make_key: Callable[..., str]
) -> None:
    session = ai.ask("my name is Ada").json()["session_id"]
    again = ai.ask("who am i?", session_id=session).json()
    assert again["session_id"] == session
    turns = gpt.script.calls[-1].body["input"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert "my name is Ada" in turns[0]["content"]
    other_headers = {"Authorization": f"Bearer {make_key(Scope.AI)}"}
    answer = ai.ask("who am i?", session_id=session, headers=other_headers)
    assert (answer.status_code, answer.json()["reason"]) == (404, "not_found")


def test_a_long_session_is_trimmed_to_its_latest_turns(ai: Ai, gpt: FakeOpenAI) -> None:
    session = ai.ask("begin").json()["session_id"]
    for number in range(6):
        ai.ask(f"turn {number} " + "word " * 700, session_id=session)
    turns = gpt.script.calls[-1].body["input"]
    assert 1 < len(turns) < 11
    assert "turn 4" in turns[-3]["content"]
    assert sum(len(turn["content"]) for turn in turns[:-1]) < 13_000


def test_an_openai_compatible_server_without_responses_is_asked_by_chat(
    start: Callable[..., Ai],
) -> None:
    from kova_fakes.openai.server import serve_openai

    with serve_openai("none", chat_only=True) as local:
        ai = start(
            OPENAI_API_KEY="",
            OPENAI_BASE_URL=local.url,
            KOVA_OPENAI_MODEL="local-7b",
            KOVA_MODEL_PRICES="local-7b=0/0",
            ANTHROPIC_API_KEY="",
        )
        body = ai.ask("what is it?", code=CODE, path="a.py").json()
        assert (body["model"], body["usage"]["cost_usd"]) == ("local-7b", 0.0)
        assert body["citations"][0]["path"] == "a.py"
        ai.ask("and now?")
        assert [call.path for call in local.script.calls] == ["/v1/chat/completions"] * 2


def test_an_unknown_model_is_charged_at_the_bound(start: Callable[..., Ai]) -> None:
    known_usage = start().ask("price?").json()["usage"]
    unknown = start(KOVA_OPENAI_MODEL="gpt-unheard-of").ask("price?").json()["usage"]
    assert unknown["input_tokens"] == known_usage["input_tokens"]
    assert unknown["cost_usd"] == pytest.approx(known_usage["cost_usd"] * 5, rel=0.01)


def test_an_error_by_its_id_is_the_context(ai: Ai, gpt: FakeOpenAI) -> None:
    ai.execute(
        "INSERT INTO repositories (full_name, default_branch) VALUES ('octo/sample', 'main')"
    )
    ai.execute(
        """INSERT INTO errors (repository_id, fingerprint, analyzer, rule_id, severity, tier,
        confidence, category, message, path, start_line, start_column, end_line, end_column, snippet)
        SELECT id, repeat('a', 64), 'ruff', 'F632', 'high', 'error', 'high', 'correctness',
        'Use == to compare', 'pkg/a.py', 7, 1, 7, 20, 'return x is ''a''' FROM repositories"""
    )
    (error,) = ai.client.get("/api/errors").json()["items"]
    answer = ai.ask("explain this error", error_id=error["id"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["citations"] == [{"path": "pkg/a.py", "start_line": 7, "end_line": 7}]
    prompt = json.dumps(gpt.script.calls[-1].body)
    assert "Use == to compare" in prompt
    assert str(ai.rows()[0]["repository_id"]) == str(
        ai.rows("SELECT id FROM repositories")[0]["id"]
    )
    missing = ai.ask("explain", error_id="00000000-0000-0000-0000-000000000000")
    assert missing.status_code == 404
    assert ai.outcomes() == ["ok", "no_context"]


def test_provider_keys_stand_in_no_row_no_answer_and_no_log(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic, caplog: pytest.LogCaptureFixture
) -> None:
    keys = (gpt.script.api_key, claude.script.api_key)
    text = json.dumps({"answer": f"the keys are {' and '.join(keys)}", "citations": []})
    gpt.script.then(ModelReply(text=text), ModelReply(kind="error", status=401))
    claude.script.then(ModelReply(kind="error", status=401))
    answers = [ai.ask(f"tell me {keys[0]}").text, ai.ask("again").text]
    stored = json.dumps(ai.rows(), default=str)
    for key in keys:
        assert key not in "".join(answers) + stored + caplog.text
