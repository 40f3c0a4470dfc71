"""One provider is asked, then the other: in virtual time, on scripted models."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from kova.adapters.memory.model import Silence, Step, complete
from kova.models.breaker import FAILURES, PAUSE_SECONDS
from kova.models.model_answer import ModelAnswer, UnusableAnswerError
from kova.models.outcome import Outcome
from kova.models.ports import Began, Ended, Finish, ModelEvent, Piece, Thinking
from kova.models.price import max_tokens
from kova.models.usage import TokenUsage
from kova.shared.exceptions import (
    BudgetExhaustedError,
    DatabaseUnavailableError,
    ModelCutError,
    ModelMisconfiguredError,
    ModelNonsenseError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from tests.models.ask_setup import FIRST, SECOND, AskSetup
from tests.support.models import PRICE, PROMPT, answer_json, counted
from tests.support.virtual_time import run_in_virtual_time

UPPER_BOUND = PRICE.cost(max_tokens(PROMPT.size, PROMPT.max_output_tokens))
GOOD = complete(answer_json())
SILENT: list[Step] = [Silence.FOR_EVER]


def test_the_first_provider_answers_and_its_cost_is_settled() -> None:
    usage = TokenUsage(input_tokens=100, output_tokens=20)
    desk = AskSetup(first=[complete(answer_json("So."), usage=usage)])
    result = desk.ask()
    assert result.answer is not None
    assert result.answer.text == "So."
    assert desk.asked() == [1, 0]
    assert desk.tally.cost == PRICE.cost(usage) == desk.budget.spent()
    assert desk.budget.reserved() == 0
    assert (desk.tally.provider, desk.tally.model) == (FIRST, "openai-model")
    assert not desk.tally.fallback
    assert "".join(filter(None, desk.heard)) == answer_json("So.")
    assert counted(desk.meter, "kova_ai_tokens_total", direction="output") == 20


@pytest.mark.parametrize(
    ("failure", "attempts"),
    [
        (ModelUnavailableError(), 2),
        (ModelRateLimitedError(retry_after=0.5), 2),
        (ModelRateLimitedError(retry_after=30.0), 1),
        (ModelMisconfiguredError(), 1),
        (ModelTimeoutError(), 1),
        (ModelNonsenseError(outcome=Outcome.NOT_JSON), 1),
    ],
)
def test_when_the_first_provider_fails_the_second_answers(
    failure: Exception, attempts: int
) -> None:
    desk = AskSetup(first=[[failure], [failure]], second=[GOOD])  # type: ignore[list-item]
    assert desk.ask().answer is not None
    assert desk.asked() == [attempts, 1]
    assert desk.tally.fallback
    assert desk.tally.provider is SECOND
    assert counted(desk.meter, "kova_ai_fallbacks_total", task="analyze") == 1


@pytest.mark.parametrize("text", ["", "no json", '{"answer": 5}', '{"answer": "\\u0000"}'])
def test_an_unusable_answer_is_paid_for_and_the_second_provider_is_asked(text: str) -> None:
    desk = AskSetup(first=[complete(text)], second=[GOOD])
    assert desk.ask().answer is not None
    assert desk.asked() == [1, 1]
    assert (
        desk.budget.spent()
        == desk.tally.cost
        == 2 * PRICE.cost(TokenUsage(input_tokens=10, output_tokens=5))
    )


@pytest.mark.parametrize(
    ("finish", "outcome"),
    [(Finish.REFUSAL, Outcome.REFUSAL), (Finish.LENGTH, Outcome.TRUNCATED)],
)
def test_a_refusal_and_a_truncated_answer_are_taken_to_nobody_else(
    finish: Finish, outcome: Outcome
) -> None:
    desk = AskSetup(first=[complete(answer_json(), finish=finish)], second=[GOOD])
    error = desk.ask().error
    assert isinstance(error, UnusableAnswerError)
    assert error.outcome is outcome
    assert desk.asked() == [1, 0]


def test_a_broken_stream_is_tried_again_and_the_listener_begins_anew() -> None:
    cut: list[Step] = [Began(), Piece(text='{"answer": "Hal'), ModelCutError()]
    desk = AskSetup(first=[cut, GOOD])
    assert desk.ask().answer is not None
    assert desk.asked() == [2, 0]
    assert desk.heard[:2] == ['{"answer": "Hal', None]
    assert "".join(filter(None, desk.heard[2:])) == answer_json()
    assert desk.pauses == [0.25]


def test_a_stream_that_ends_without_its_end_is_a_cut() -> None:
    desk = AskSetup(first=[[Began(), Piece(text="x")]] * 2, second=None, order=(FIRST,))
    assert isinstance(desk.ask().error, ModelCutError)
    assert desk.calls("model_cut") == 2


def test_retry_after_is_waited_for_when_it_is_short() -> None:
    desk = AskSetup(first=[[ModelRateLimitedError(retry_after=1.5)], GOOD])
    assert desk.ask().answer is not None
    assert desk.pauses == [1.5]
    # The pause is the provider's doing: it is no time of Kova's own.
    assert desk.tally.waited_seconds == pytest.approx(1.5)


def test_a_long_retry_after_is_not_waited_for_even_where_there_is_time() -> None:
    busy: list[Step] = [ModelRateLimitedError(retry_after=3.0)]
    desk = AskSetup(first=[busy, GOOD], second=None, order=(FIRST,))
    assert isinstance(desk.ask().error, ModelRateLimitedError)
    assert (desk.asked(), desk.pauses) == ([1], [])


def test_a_silent_provider_is_replaced_after_five_seconds() -> None:
    desk = AskSetup(first=[SILENT], second=[GOOD])
    result = desk.ask()
    assert result.answer is not None
    assert result.seconds == pytest.approx(5.0)
    assert desk.models[FIRST].closed_streams == 1


def test_two_silent_providers_are_given_up_after_nine_and_a_half_seconds() -> None:
    desk = AskSetup(first=[SILENT], second=[SILENT])
    result = desk.ask()
    assert isinstance(result.error, ModelTimeoutError)
    assert result.seconds == pytest.approx(9.5)
    assert desk.budget.reserved() == 0


def test_a_provider_without_an_alternative_may_be_silent_up_to_the_deadline() -> None:
    slow: list[Step] = [19.0, *GOOD]
    desk = AskSetup(first=[slow], second=None, order=(FIRST,))
    assert desk.ask().answer is not None
    desk = AskSetup(first=[SILENT], second=None, order=(FIRST,))
    assert desk.ask().seconds == pytest.approx(20.0)


def test_the_beginning_alone_does_not_end_the_silence_but_thinking_does() -> None:
    began: list[Step] = [Began(), Silence.FOR_EVER]
    desk = AskSetup(first=[began], second=[GOOD])
    assert desk.ask().seconds == pytest.approx(5.0)
    thinking: list[Step] = []
    for _ in range(3):
        thinking += [4.0, Thinking()]
    desk = AskSetup(first=[[*thinking, *GOOD]])
    result = desk.ask()
    assert (result.seconds, desk.asked()) == (pytest.approx(12.0), [1, 0])


def test_an_answer_that_pauses_for_too_long_is_given_up() -> None:
    stalled: list[Step] = [Piece(text="{"), 4.0, Piece(text=" "), Silence.FOR_EVER]
    desk = AskSetup(first=[stalled], second=[GOOD])
    result = desk.ask()
    assert result.answer is not None
    assert result.seconds == pytest.approx(8.5)
    assert desk.heard[2] is None


def test_an_answer_that_never_ends_is_cut_at_the_deadline() -> None:
    endless: list[Step] = []
    for _ in range(30):
        endless += [Piece(text=" "), 1.0]
    desk = AskSetup(first=[endless], second=[GOOD])
    result = desk.ask()
    assert isinstance(result.error, ModelTimeoutError)
    assert result.seconds == pytest.approx(20.0)
    assert desk.asked() == [1, 0]


def test_an_answer_longer_than_any_tokens_could_be_is_no_answer() -> None:
    flood: list[Step] = [Piece(text="x" * 1_000)] * 10
    desk = AskSetup(first=[flood], second=[GOOD])
    assert desk.ask().answer is not None
    assert desk.asked() == [1, 1]


def test_the_budget_refuses_before_any_provider_is_asked() -> None:
    desk = AskSetup(first=[GOOD], cap=UPPER_BOUND - Decimal("0.000001"))
    assert isinstance(desk.ask().error, BudgetExhaustedError)
    assert desk.asked() == [0, 0]
    desk = AskSetup(first=[GOOD], cap=UPPER_BOUND)
    assert desk.ask().answer is not None


def test_without_the_budget_no_provider_is_asked() -> None:
    desk = AskSetup(first=[GOOD])
    desk.budget.available = False
    assert isinstance(desk.ask().error, DatabaseUnavailableError)
    assert desk.asked() == [0, 0]


def test_fifty_callers_at_once_never_pass_the_cap() -> None:
    desk = AskSetup(first=[GOOD] * 50, cap=UPPER_BOUND * 7)

    async def ask_all() -> list[ModelAnswer | BaseException]:
        return await asyncio.gather(*(desk.ask_once() for _ in range(50)), return_exceptions=True)

    results = run_in_virtual_time(ask_all())
    refused = [result for result in results if isinstance(result, BudgetExhaustedError)]
    answers = [result for result in results if isinstance(result, ModelAnswer)]
    assert len(answers) >= 7
    assert len(answers) + len(refused) == 50
    assert refused
    assert desk.budget.spent() <= UPPER_BOUND * 7


def test_a_provider_that_counts_too_many_tokens_costs_what_was_reserved() -> None:
    usage = TokenUsage(input_tokens=10**12, output_tokens=10**12)
    desk = AskSetup(first=[complete(answer_json(), usage=usage)])
    desk.ask()
    assert desk.tally.cost == desk.budget.spent() == UPPER_BOUND


@pytest.mark.parametrize(
    ("events", "is_free"),
    [([ModelUnavailableError()], True), ([Began(input_tokens=50), ModelTimeoutError()], False)],
)
def test_a_call_that_the_provider_did_not_begin_costs_nothing(
    events: list[Step], is_free: bool
) -> None:
    desk = AskSetup(first=[events] * 2, second=None, order=(FIRST,))
    desk.ask()
    assert (desk.tally.cost == 0) is is_free
    assert desk.budget.spent() == desk.tally.cost
    assert desk.budget.reserved() == 0


def test_a_provider_that_counts_no_tokens_is_charged_by_an_estimate() -> None:
    uncounted: list[ModelEvent] = [
        Piece(text=answer_json()),
        Ended(finish=Finish.STOP, usage=None),
    ]
    desk = AskSetup(first=[uncounted])
    assert desk.ask().answer is not None
    assert desk.tally.usage.output_tokens == -(-len(answer_json()) // 3)
    assert 0 < desk.tally.cost < UPPER_BOUND


def test_a_caller_that_leaves_ends_the_request_and_settles_its_cost() -> None:
    leaving: list[Step] = [Began(input_tokens=30), Piece(text="{"), Silence.FOR_EVER]
    desk = AskSetup(first=[leaving], second=[GOOD])

    async def leave() -> None:
        task = asyncio.ensure_future(desk.ask_once())
        await desk.first_piece.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_in_virtual_time(leave())
    assert desk.models[FIRST].closed_streams == 1
    assert desk.budget.reserved() == 0
    assert desk.budget.spent() == desk.tally.cost > 0
    assert desk.calls("cancelled") == 1
    assert not desk.breakers[FIRST].is_open


def test_a_provider_that_keeps_failing_is_left_alone_for_a_while_and_then_tried_once() -> None:
    failing: list[Step] = [ModelTimeoutError()]
    desk = AskSetup(first=[failing] * FAILURES + [GOOD], second=[GOOD] * 10)
    for _ in range(FAILURES):
        desk.ask()
    assert desk.asked() == [FAILURES, FAILURES]
    desk.ask()
    assert desk.asked() == [FAILURES, FAILURES + 1]
    assert counted(desk.meter, "kova_ai_breaker_changes_total", state="open") == 1
    desk.now += PAUSE_SECONDS
    desk.ask()
    assert desk.asked() == [FAILURES + 1, FAILURES + 1]
    assert counted(desk.meter, "kova_ai_breaker_changes_total", state="closed") == 1


def test_while_every_breaker_is_open_the_failure_says_how_long_to_wait() -> None:
    desk = AskSetup()
    for breaker in desk.breakers.values():
        for _ in range(FAILURES):
            breaker.record_failure()
    assert isinstance(desk.ask().error, ModelUnavailableError)
    assert desk.tally.retry_after == PAUSE_SECONDS
    assert desk.asked() == [0, 0]


def test_a_wrong_key_does_not_open_the_breaker_and_an_answer_closes_it() -> None:
    desk = AskSetup(first=[[ModelMisconfiguredError()]] * 10, second=None, order=(FIRST,))
    for _ in range(10):
        desk.ask()
    assert not desk.breakers[FIRST].is_open


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (ModelMisconfiguredError(), ModelTimeoutError(), ModelTimeoutError),
        (ModelTimeoutError(), ModelMisconfiguredError(), ModelTimeoutError),
        (ModelTimeoutError(), ModelNonsenseError(), UnusableAnswerError),
    ],
)
def test_of_all_failures_the_one_that_says_most_is_raised(
    first: Exception, second: Exception, expected: type[Exception]
) -> None:
    desk = AskSetup(first=[[first]], second=[[second]])  # type: ignore[list-item]
    assert isinstance(desk.ask().error, expected)


def test_the_longest_wait_that_a_provider_asks_for_is_kept() -> None:
    desk = AskSetup(
        first=[[ModelRateLimitedError(retry_after=7.0)]],
        second=[[ModelRateLimitedError(retry_after=40.0)]],
    )
    desk.ask()
    assert desk.tally.retry_after == 40.0


def test_only_configured_providers_are_asked_and_all_models_are_closed() -> None:
    desk = AskSetup(first=[GOOD], second=None)
    assert desk.ask().answer is not None
    asyncio.run(desk.ask_models.close())
    assert desk.models[FIRST].closed
