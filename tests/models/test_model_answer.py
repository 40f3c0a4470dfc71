"""What a model may put around its JSON, and what is shown of it while it arrives."""

from __future__ import annotations

import pytest

from kova.models.model_answer import AnswerText, UnusableAnswerError, read_answer
from kova.models.outcome import Outcome

JSON = '{"answer": "Yes.", "citations": []}'


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        f"```json\n{JSON}\n```",
        f"\n ```\n{JSON}\n```\n",
        f"```json \n\n{JSON}\n\n  ```",
        f"```json\n{JSON}\n``` \n",
    ],
)
def test_json_is_read_with_and_without_fences(text: str) -> None:
    assert read_answer(text, review=False).text == "Yes."


@pytest.mark.parametrize(
    "text",
    [f"```json\n{JSON}", f"```json {JSON}```", "```", "```\n```", f"Here:\n```\n{JSON}\n```"],
)
def test_anything_else_around_it_is_no_answer(text: str) -> None:
    with pytest.raises(UnusableAnswerError) as refusal:
        read_answer(text, review=False)
    assert refusal.value.outcome is Outcome.NOT_JSON


def test_a_long_first_piece_is_shown() -> None:
    assert AnswerText().feed('{"answer": "' + "a" * 5_000) == "a" * 5_000


def test_spaces_without_an_end_are_given_up() -> None:
    text = AnswerText()
    assert {text.feed(" " * 500) for _ in range(4)} == {""}
    assert text.feed('{"answer": "late') == ""
