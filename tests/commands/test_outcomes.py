"""Whatever a provider does ends in a named outcome, a row, and the right status; never a 500."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from kova_fakes.anthropic.server import FakeAnthropic
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.commands.conftest import Ai
from tests.support.eventually import eventually

NUL = json.dumps({"answer": "a\0b", "citations": []})
CASES = [
    (ModelReply(kind="refusal"), "refusal", 422, "ai_refusal"),
    (ModelReply(kind="truncated", text='{"answer": "it is'), "truncated", 422, "ai_truncated"),
    (ModelReply(kind="empty"), "empty", 502, "ai_empty"),
    (ModelReply(text="  \n "), "empty", 502, "ai_empty"),
    (ModelReply(text=json.dumps({"answer": " ", "citations": []})), "empty", 502, "ai_empty"),
    (ModelReply(text="Sure! Here it is."), "not_json", 502, "ai_not_json"),
    (ModelReply(text="[" * 5_000), "not_json", 502, "ai_not_json"),
    (ModelReply(text='{"answer": NaN, "citations": []}'), "not_json", 502, "ai_not_json"),
    (ModelReply(text='{"answer": 3, "citations": []}'), "wrong_shape", 502, "ai_wrong_shape"),
    (ModelReply(text='{"answer": "x"}'), "wrong_shape", 502, "ai_wrong_shape"),
    (ModelReply(text='{"answer": "x", "citations": [3]}'), "wrong_shape", 502, "ai_wrong_shape"),
    (ModelReply(text='["answer"]'), "wrong_shape", 502, "ai_wrong_shape"),
    (ModelReply(text="x" * 100_000), "wrong_shape", 502, "ai_wrong_shape"),
    (ModelReply(text=NUL), "nul", 502, "ai_nul"),
    (ModelReply(text=NUL.replace("\\u0000", "\0")), "nul", 502, "ai_nul"),
    (ModelReply(kind="cut"), "cut", 502, "ai_cut"),
    (
        ModelReply(kind="cut_late", text=json.dumps({"answer": "a" * 200, "citations": []})),
        "cut",
        502,
        "ai_cut",
    ),
    (ModelReply(kind="bad_body"), "wrong_shape", 502, "ai_wrong_shape"),
    (ModelReply(kind="html"), "not_json", 502, "ai_not_json"),
    (ModelReply(kind="html", status=502), "unavailable", 503, "ai_unavailable"),
    (ModelReply(kind="error", status=500), "unavailable", 503, "ai_unavailable"),
    (ModelReply(kind="error", status=529, retry_after="7"), "unavailable", 503, "ai_unavailable"),
    (ModelReply(kind="error", status=429, retry_after="9"), "unavailable", 503, "ai_unavailable"),
    (
        ModelReply(kind="error", status=429, retry_after="nonsense"),
        "unavailable",
        503,
        "ai_unavailable",
    ),
    (ModelReply(kind="error", status=400), "misconfigured", 503, "ai_misconfigured"),
    (ModelReply(kind="error", status=401), "misconfigured", 503, "ai_misconfigured"),
    (ModelReply(kind="error", status=403), "misconfigured", 503, "ai_misconfigured"),
]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_every_reply_ends_in_its_outcome(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic, provider: str
) -> None:
    script = (gpt if provider == "openai" else claude).script
    for number, (reply, outcome, status, reason) in enumerate(CASES):
        # The breaker is for its own test.
        for candidate in ai.commands.ask.providers.values():
            candidate.breaker.record_success()
        script.always = reply
        answer = ai.ask(f"question {number}", provider=provider)
        problem = (answer.status_code, answer.json().get("reason"))
        assert problem == (status, reason), (reply, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("retry-after" in answer.headers) == (status == 503)
        row = ai.rows()[-1]
        assert (row["outcome"], row["provider"]) == (outcome, provider), reply
        assert row["detail"]
        assert row["output"] is None
    assert script.refused == []


def test_what_was_used_of_an_answer_that_is_no_good_is_paid_for(ai: Ai, gpt: FakeOpenAI) -> None:
    gpt.script.always = ModelReply(text="Sure! Here it is.")
    ai.ask("one", provider="openai")
    gpt.script.always = ModelReply(kind="cut")
    ai.ask("two", provider="openai")
    gpt.script.always = ModelReply(kind="error", status=503)
    ai.ask("three", provider="openai")
    complete, cut, never = ai.rows()
    assert float(complete["cost_usd"]) > 0
    assert float(cut["cost_usd"]) > 0
    assert float(never["cost_usd"]) == 0
    (spent,) = ai.rows("SELECT spent_usd FROM ai_spending WHERE scope = 'all'")
    assert spent["spent_usd"] == complete["cost_usd"] + cut["cost_usd"]
    assert ai.rows("SELECT * FROM ai_reservations") == []


def test_a_second_attempt_after_a_short_retry_after_succeeds(ai: Ai, gpt: FakeOpenAI) -> None:
    gpt.script.then(ModelReply(kind="error", status=429, retry_after="0.3"))
    started = time.monotonic()
    body = ai.ask("what?").json()
    assert time.monotonic() - started >= 0.3
    assert (body["provider"], body["fallback"]) == ("openai", False)
    assert gpt.script.count("/responses") == 2


def test_a_long_retry_after_is_not_waited_for(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic
) -> None:
    gpt.script.always = ModelReply(kind="error", status=429, retry_after="60")
    body = ai.ask("what?").json()
    assert (body["provider"], body["fallback"]) == ("anthropic", True)
    assert gpt.script.count("/responses") == 1
    claude.script.always = ModelReply(kind="error", status=529, retry_after="30")
    answer = ai.ask("and what else?")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"


@pytest.mark.parametrize(
    "reply",
    [
        ModelReply(kind="error", status=503),
        ModelReply(kind="html", status=502),
        ModelReply(kind="cut"),
        ModelReply(kind="bad_body"),
        ModelReply(text="no JSON"),
        ModelReply(kind="empty"),
        ModelReply(kind="error", status=401),
    ],
)
def test_when_openai_is_down_anthropic_answers(ai: Ai, gpt: FakeOpenAI, reply: ModelReply) -> None:
    gpt.script.always = reply
    started = time.monotonic()
    body = ai.ask("write a function", task="generate").json()
    assert time.monotonic() - started < 20
    assert (body["provider"], body["fallback"]) == ("anthropic", True)
    assert ai.meter.total("kova_ai_fallbacks_total", task="generate") == 1
    assert ai.rows()[0]["fallback"] is True


def test_a_refusal_is_not_taken_to_another_provider(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic
) -> None:
    gpt.script.always = ModelReply(kind="refusal")
    assert ai.ask("no").status_code == 422
    assert claude.script.calls == []
    assert ai.meter.total("kova_ai_refusals_total", provider="openai", task="analyze") == 1


def test_nobody_listens_at_either_address(start: Callable[..., Ai]) -> None:
    dead = "http://127.0.0.1:9"
    ai = start(OPENAI_BASE_URL=dead, ANTHROPIC_BASE_URL=dead)
    started = time.monotonic()
    answer = ai.ask("what?")
    assert (answer.status_code, answer.json()["reason"]) == (503, "ai_unavailable")
    assert time.monotonic() - started < 10


def test_a_slow_provider_runs_into_the_deadline(start: Callable[..., Ai], gpt: FakeOpenAI) -> None:
    ai = start(KOVA_AI_DEADLINE_SECONDS="1", ANTHROPIC_API_KEY="")
    gpt.script.always = ModelReply(kind="stall")
    started = time.monotonic()
    answer = ai.ask("what?")
    assert (answer.status_code, answer.json()["reason"]) == (503, "ai_timeout")
    assert time.monotonic() - started < 10
    assert ai.outcomes() == ["timeout"]


def test_the_breaker_opens_leaves_a_provider_alone_and_closes_again(
    ai: Ai, gpt: FakeOpenAI
) -> None:
    gpt.script.always = ModelReply(kind="error", status=503)
    for number in range(3):
        assert ai.ask(f"what {number}?").json()["fallback"] is True
    calls = gpt.script.count("/responses")
    changes = "kova_ai_breaker_changes_total"
    assert ai.meter.total(changes, provider="openai", state="open") == 1
    assert ai.ask("what now?").json()["fallback"] is True
    assert gpt.script.count("/responses") == calls
    gpt.script.always = ModelReply()
    later = time.monotonic() + 31
    for candidate in ai.commands.ask.providers.values():
        candidate.breaker.clock = lambda: later
    body = ai.ask("and now?").json()
    assert (body["provider"], body["fallback"]) == ("openai", False)
    assert ai.meter.total(changes, provider="openai", state="closed") == 1


def test_an_answer_with_odd_characters_is_stored_and_sent(ai: Ai, gpt: FakeOpenAI) -> None:
    text = '{"answer": "a \\ud800 b \\u202e c", "citations": []}'
    gpt.script.always = ModelReply(text=text)
    answer = ai.ask("odd?")
    assert answer.status_code == 200
    assert answer.json()["output"] == "a \ufffd b [U+202E] c"


def test_the_overhead_is_told_by_the_meter(ai: Ai) -> None:
    ai.ask("what?")
    names = {name for name, _ in ai.meter.values}
    assert {"kova_ai_call_duration_seconds", "kova_ai_command_duration_seconds"} <= names
    assert ai.meter.total("kova_ai_tokens_total", provider="openai", direction="input") > 0
    assert ai.meter.total("kova_ai_cost_usd_total", provider="openai") > 0


def parse_events(answer: httpx.Response) -> list[tuple[str, Any]]:
    parsed = []
    for block in answer.read().decode().strip().split("\n\n"):
        name, _, payload = block.partition("\n")
        parsed.append((name.removeprefix("event: "), json.loads(payload.removeprefix("data: "))))
    return parsed


def read_stream(ai: Ai, command: str, **body: Any) -> list[tuple[str, Any]]:
    return parse_events(ai.ask(command, headers={"Accept": "text/event-stream"}, **body))


def test_a_streamed_answer_arrives_in_lines_and_ends_with_the_whole(
    ai: Ai, gpt: FakeOpenAI
) -> None:
    text = "First line.\nSecond <b>line</b>.\n```c\na < b\n```\nEnd \u00e9 \U0001f600"
    reply = json.dumps({"answer": text, "citations": []})
    gpt.script.always = ModelReply(text=reply)
    events = read_stream(ai, "stream")
    assert events[-1][0] == "answer"
    deltas = [payload["text"] for name, payload in events if name == "delta"]
    assert len(deltas) > 2
    assert "".join(deltas) == events[-1][1]["output"]
    assert "&lt;b>" in events[-1][1]["output"]
    assert ai.outcomes() == ["ok"]


def test_a_stream_that_is_cut_begins_anew_with_the_other_provider(ai: Ai, gpt: FakeOpenAI) -> None:
    text = "word\n" * 40
    gpt.script.always = ModelReply(kind="cut", text=json.dumps({"answer": text, "citations": []}))
    events = read_stream(ai, "stream")
    assert "restart" in [name for name, _ in events]
    last = max(number for number, (name, _) in enumerate(events) if name == "restart")
    tail = "".join(payload["text"] for name, payload in events[last:] if name == "delta")
    assert events[-1][1]["output"] == tail
    assert events[-1][1]["provider"] == "anthropic"


def test_a_streamed_failure_ends_with_the_problem(ai: Ai, gpt: FakeOpenAI) -> None:
    gpt.script.always = ModelReply(kind="refusal")
    ((name, problem),) = [event for event in read_stream(ai, "no") if event[0] != "restart"]
    assert (name, problem["status"], problem["reason"]) == ("problem", 422, "ai_refusal")


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_a_client_that_leaves_stops_the_spending(ai: Ai, gpt: FakeOpenAI, accept: str) -> None:
    text = json.dumps({"answer": "line\n" * 500, "citations": []})
    gpt.script.always = ModelReply(text=text, pieces_seconds=0.05)
    body = {"command": "write much", "max_output_tokens": 1_000}
    headers = {"Accept": accept, "Authorization": f"Bearer {ai.key}"}
    if accept == "text/event-stream":
        with httpx.stream("POST", f"{ai.url}/ai/command", json=body, headers=headers) as answer:
            next(answer.iter_raw())
    else:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{ai.url}/ai/command", json=body, headers=headers, timeout=1.5)
    (row,) = ai.wait_for_rows(1)
    assert row["outcome"] == "cancelled"
    (spent,) = ai.rows("SELECT spent_usd FROM ai_spending WHERE scope = 'all'")
    assert spent["spent_usd"] == row["cost_usd"]
    assert ai.rows("SELECT * FROM ai_reservations") == []
    # The provider itself saw the connection close.
    eventually(lambda: gpt.script.abandoned, 5)
