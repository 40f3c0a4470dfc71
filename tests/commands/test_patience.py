"""Providers that say nothing, or stop saying something: who is asked next, and when nobody is.

All times follow from the deadline (kova/models/deadlines.py): four seconds here instead of twenty.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from kova_fakes.anthropic.server import FakeAnthropic
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.commands.conftest import Ai
from tests.commands.test_outcomes import read_stream

DEADLINE = 4
# What is ten seconds of twenty, and most of the rest for a busy machine: the deadline is beyond it.
BOUND = DEADLINE * 10 / 20 + 1.75
STALL = ModelReply(kind="stall")
STALL_LATE = ModelReply(kind="stall_late")
SLOW = ModelReply(seconds=30)
DOWN = ModelReply(kind="error", status=503)
ASKS_TO_WAIT = ModelReply(kind="error", status=529, retry_after="0.3")


@pytest.fixture
def ai(start: Callable[..., Ai]) -> Ai:
    """The API with warm providers: the first call of each imports its SDK."""
    started = start(KOVA_AI_DEADLINE_SECONDS=str(DEADLINE))
    for provider in ("openai", "anthropic"):
        assert started.ask("warm?", provider=provider).status_code == 200
    return started


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (STALL, STALL),
        (STALL, SLOW),
        (SLOW, SLOW),
        (SLOW, STALL),
        (STALL_LATE, STALL_LATE),
        (DOWN, STALL),
        (STALL, DOWN),
        (DOWN, DOWN),
        (ASKS_TO_WAIT, ASKS_TO_WAIT),
    ],
)
def test_both_down_is_503_within_half_the_deadline(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic, first: ModelReply, second: ModelReply
) -> None:
    gpt.script.always, claude.script.always = first, second
    started = time.monotonic()
    answer = ai.ask("what?")
    assert time.monotonic() - started < BOUND
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert ai.rows()[-1]["outcome"] in {"timeout", "unavailable"}
    assert ai.rows("SELECT * FROM ai_reservations") == []


def test_a_provider_that_fails_once_and_then_stalls_has_one_time_for_both(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic
) -> None:
    gpt.script.then(ASKS_TO_WAIT, STALL)
    claude.script.then(ASKS_TO_WAIT, STALL)
    started = time.monotonic()
    assert ai.ask("what?").status_code == 503
    assert time.monotonic() - started < BOUND


@pytest.mark.parametrize("reply", [STALL, SLOW, STALL_LATE])
def test_a_stalled_provider_leaves_time_for_the_other(
    ai: Ai, gpt: FakeOpenAI, reply: ModelReply
) -> None:
    gpt.script.always = reply
    started = time.monotonic()
    answer = ai.ask("what?")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["provider"], answer.json()["fallback"]) == ("anthropic", True)
    assert time.monotonic() - started < BOUND


def test_the_other_may_be_slow_after_a_stall(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic
) -> None:
    gpt.script.always = STALL
    claude.script.always = ModelReply(pieces_seconds=0.1, text=answer_json("word " * 72))
    body = ai.ask("what?").json()
    assert (body["provider"], body["fallback"]) == ("anthropic", True)
    assert body["duration_ms"] > DEADLINE * 475  # Beyond where a silent one is given up.


def test_a_stream_begins_anew_where_it_stalled(ai: Ai, gpt: FakeOpenAI) -> None:
    gpt.script.always = ModelReply(kind="stall_late", text=answer_json("line\n" * 60))
    events = read_stream(ai, "stream")
    assert "delta" in [name for name, _ in events[:-1]]
    last = max(number for number, (name, _) in enumerate(events) if name == "restart")
    tail = "".join(payload["text"] for name, payload in events[last:] if name == "delta")
    assert events[-1][1]["output"] == tail
    assert events[-1][1]["provider"] == "anthropic"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_slow_provider_that_goes_on_has_the_whole_deadline(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic, provider: str
) -> None:
    task = "generate" if provider == "openai" else "suggest"
    slow = ModelReply(pieces_seconds=0.1, text=answer_json("word " * 110))
    (gpt if provider == "openai" else claude).script.always = slow
    body = ai.ask("what?", task=task).json()
    assert (body["provider"], body["fallback"]) == (provider, False)
    assert body["duration_ms"] > DEADLINE * 475


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_provider_that_thinks_is_at_work(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic, provider: str
) -> None:
    task = "generate" if provider == "openai" else "suggest"
    slow = ModelReply(pieces_seconds=0.1, thoughts=20, text=answer_json("done"))
    (gpt if provider == "openai" else claude).script.always = slow
    body = ai.ask("what?", task=task).json()
    assert (body["provider"], body["fallback"]) == (provider, False)
    assert body["duration_ms"] > DEADLINE * 475


def test_one_that_is_alone_may_be_silent_for_longer(ai: Ai, gpt: FakeOpenAI) -> None:
    gpt.script.always = ModelReply(seconds=DEADLINE * 0.6)
    body = ai.ask("what?", provider="openai").json()
    assert (body["provider"], body["fallback"]) == ("openai", False)


def test_one_whose_other_has_an_open_breaker_has_the_time_of_both(
    ai: Ai, gpt: FakeOpenAI, claude: FakeAnthropic
) -> None:
    for candidate in ai.commands.ask.providers.values():
        if candidate.provider == "anthropic":
            for _ in range(candidate.breaker.failures):
                candidate.breaker.record_failure()
    gpt.script.always = ModelReply(seconds=DEADLINE * 0.35)
    body = ai.ask("what?").json()
    assert (body["provider"], body["fallback"]) == ("openai", False)


def answer_json(text: str) -> str:
    return json.dumps({"answer": text, "citations": []})
