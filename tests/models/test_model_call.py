"""One call to one model: its events are collected within the time that it has."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from kova.adapters.memory.model import ScriptedModel, Silence, Step, complete
from kova.models.model_answer import UnusableAnswerError
from kova.models.model_call import Call, ModelRequest, ProviderEntry, Tally, Turn, collect_events
from kova.models.outcome import Outcome
from kova.models.ports import Began, BudgetScope, Ended, Finish, Piece, Thinking
from kova.models.prompt import Prompt
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.shared.exceptions import ModelCutError, ModelNonsenseError, ModelTimeoutError
from tests.support.models import PRICE, PROMPT, answer_json, scripted
from tests.support.virtual_time import run_in_virtual_time


def call_model(steps: Sequence[Step], heard: list[str | None] | None = None) -> Call:
    """Call a scripted model that may be silent for 5 s, pause for 2 s, and has 10 s in all."""
    call = Call()
    entry, model = scripted(Provider.OPENAI, steps)

    async def listen(piece: str | None) -> None:
        assert heard is not None
        heard.append(piece)

    async def collect() -> None:
        turn = Turn(
            provider_entry=entry,
            model=model,
            request=ModelRequest(
                prompt=PROMPT,
                order=(Provider.OPENAI,),
                task=Task.ANALYZE,
                scope=BudgetScope(api_key_id=None, repository=None, cap=None),
                review=False,
            ),
            tally=Tally(),
            listen=listen if heard is not None else None,
            end=10.0,
            silence_ends=5.0,
            pause=2.0,
        )
        try:
            await collect_events(turn, call)
        finally:
            assert model.closed_streams == 1

    run_in_virtual_time(collect())
    return call


def test_the_pieces_make_the_text_and_the_listener_hears_them_in_order() -> None:
    heard: list[str | None] = []
    call = call_model(complete(answer_json("So.")), heard)
    assert call.text == answer_json("So.") == "".join(filter(None, heard))
    assert call.parse_answer(review=False).text == "So."
    assert call.token_usage(PROMPT) == TokenUsage(input_tokens=10, output_tokens=5)


@pytest.mark.parametrize(
    "steps",
    [
        [Silence.FOR_EVER],
        [Began(), Silence.FOR_EVER],
        [4.0, Thinking(), 3.0, Thinking()],
        [Piece(text="{"), 5.5, Piece(text="}")],
        [*[Piece(text="x"), 1.5] * 8],
    ],
    ids=["silent", "begun", "pause", "late pause", "endless"],
)
def test_a_model_that_is_too_slow_is_cut_off(steps: list[Step]) -> None:
    with pytest.raises(ModelTimeoutError):
        call_model(steps)


def test_a_pause_inside_the_silence_that_is_allowed_is_no_failure() -> None:
    call = call_model([Thinking(), 4.5, *complete(answer_json())])
    assert call.ended is not None


def test_a_stream_without_an_end_is_cut() -> None:
    with pytest.raises(ModelCutError):
        call_model([Began(), Piece(text=answer_json())])


def test_more_text_than_tokens_could_hold_is_nonsense() -> None:
    with pytest.raises(ModelNonsenseError) as failure:
        call_model([Piece(text="x" * 33 * PROMPT.max_output_tokens)])
    assert failure.value.data == {"outcome": Outcome.WRONG_SHAPE}


@pytest.mark.parametrize(
    ("finish", "outcome"),
    [(Finish.REFUSAL, Outcome.REFUSAL), (Finish.LENGTH, Outcome.TRUNCATED)],
)
def test_an_answer_that_was_refused_or_truncated_is_not_read(
    finish: Finish, outcome: Outcome
) -> None:
    call = call_model(complete(answer_json(), finish=finish))
    with pytest.raises(UnusableAnswerError) as failure:
        call.parse_answer(review=False)
    assert failure.value.outcome is outcome


def test_an_answer_of_the_other_shape_is_not_read() -> None:
    with pytest.raises(UnusableAnswerError):
        call_model(complete(answer_json())).parse_answer(review=True)


@pytest.mark.parametrize(
    ("call", "usage"),
    [
        (Call(), TokenUsage()),
        (Call(began=True), TokenUsage(input_tokens=PROMPT.size // 3)),
        (
            Call(began=True, input_tokens=7, pieces=["abcd"]),
            TokenUsage(input_tokens=7, output_tokens=2),
        ),
        (
            Call(
                ended=Ended(
                    finish=Finish.STOP, usage=TokenUsage(input_tokens=1, output_tokens=10**9)
                )
            ),
            TokenUsage(input_tokens=1, output_tokens=PROMPT.max_output_tokens),
        ),
    ],
    ids=["not begun", "begun", "broken off", "counted too high"],
)
def test_tokens_are_counted_or_estimated_within_the_bound(call: Call, usage: TokenUsage) -> None:
    assert call.token_usage(PROMPT) == usage


async def test_a_model_is_made_once_in_a_thread_and_closed_only_if_it_was_made() -> None:
    threads: list[threading.Thread] = []
    model = ScriptedModel(Provider.OPENAI)

    def load() -> ScriptedModel:
        threads.append(threading.current_thread())
        return model

    entry = ProviderEntry(provider=Provider.OPENAI, model_id="m", price=PRICE, load=load)
    await entry.close()
    assert not model.closed
    assert await entry.model() is await entry.model() is model
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
    await entry.close()
    assert model.closed


def test_a_prompt_of_odd_characters_has_a_size_and_an_identity() -> None:
    prompt = Prompt(system="\ud800", messages=(), schema_name="a", schema={}, max_output_tokens=1)
    assert prompt.size == 3
    assert prompt.identity != PROMPT.identity


def test_a_caller_that_leaves_closes_the_stream() -> None:
    entry, model = scripted(Provider.OPENAI, [Piece(text="{"), Silence.FOR_EVER])

    async def leave() -> None:
        stream = model.stream(PROMPT, seconds=1.0)
        assert await anext(stream) == Piece(text="{")
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert model.closed_streams == 1
        await entry.close()

    run_in_virtual_time(leave())
