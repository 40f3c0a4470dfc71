"""The JSON that a model must answer with, and its reading: a model's text is untrusted input."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from kova.models.outcome import Outcome
from kova.shared.json_text import parse_json
from kova.shared.text import clean

_PLACE: Final[dict[str, Any]] = {
    "path": {"type": "string"},
    "start_line": {"type": "integer"},
    "end_line": {"type": "integer"},
    "quote": {"type": "string"},
}
_MOST_PLACES: Final = 50


def _object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


ANSWER_SCHEMA: Final = _object_schema(
    {"answer": {"type": "string"}, "citations": {"type": "array", "items": _object_schema(_PLACE)}}
)
REVIEW_SCHEMA: Final = _object_schema(
    {
        "answer": {"type": "string"},
        "findings": {
            "type": "array",
            "items": _object_schema(
                {
                    **_PLACE,
                    "severity": {"type": "string", "enum": ["high", "medium", "low"]},
                    "message": {"type": "string"},
                }
            ),
        },
    }
)
_FENCE: Final = "```"


class UnusableAnswerError(Exception):
    """A model's text is not an answer; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Lines that a model claims to quote; `severity` and `message` belong to review findings."""

    path: str
    start_line: int
    end_line: int
    quote: str
    severity: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelAnswer:
    """A model's answer of the right shape; its claims are not checked yet."""

    text: str
    claims: tuple[Claim, ...]


def read_answer(text: str, *, review: bool) -> ModelAnswer:
    """Read the model's JSON.

    Raises:
        UnusableAnswerError: it is empty, no JSON, of another shape, or holds NUL.
    """
    if not text.strip():
        raise UnusableAnswerError(Outcome.EMPTY)
    if "\0" in text:
        raise UnusableAnswerError(Outcome.NUL)
    try:
        value = parse_json(_without_fence(text).encode("utf-8", "replace"))
    except ValueError as exc:
        raise UnusableAnswerError(Outcome.NOT_JSON) from exc
    name = "findings" if review else "citations"
    if not isinstance(value, dict) or not isinstance(value.get("answer"), str):
        raise UnusableAnswerError(Outcome.WRONG_SHAPE)
    places = value.get(name)
    if not isinstance(places, list) or value.keys() != {"answer", name}:
        raise UnusableAnswerError(Outcome.WRONG_SHAPE)
    answer = ModelAnswer(
        text=clean_unless_nul(value["answer"]),
        claims=tuple(_read_claim(place, review=review) for place in places[:_MOST_PLACES]),
    )
    if "\0" in answer.text or any("\0" in claim.path + claim.message for claim in answer.claims):
        raise UnusableAnswerError(Outcome.NUL)
    if not answer.text.strip():
        raise UnusableAnswerError(Outcome.EMPTY)
    return answer


def _without_fence(text: str) -> str:
    """Return what stands between fences of Markdown, or the text where it is in none."""
    first, _, rest = text.strip().partition("\n")
    body, _, last = rest.rpartition("\n")
    is_fenced = first.rstrip() in {_FENCE, f"{_FENCE}json"} and last.strip() == _FENCE
    return body if is_fenced else text


def clean_unless_nul(text: str) -> str:
    """Return the text without lone surrogates, which cannot be encoded; unchanged if it has NUL."""
    return text if "\0" in text else clean(text)


def _read_claim(value: Any, *, review: bool) -> Claim:
    texts = ("path", "quote", "severity", "message") if review else ("path", "quote")
    numbers = ("start_line", "end_line")
    if not isinstance(value, dict) or value.keys() != {*texts, *numbers}:
        raise UnusableAnswerError(Outcome.WRONG_SHAPE)
    valid = all(isinstance(value[name], str) for name in texts)
    valid &= all(type(value[name]) is int for name in numbers)
    if not valid or (review and value["severity"] not in {"high", "medium", "low"}):
        raise UnusableAnswerError(Outcome.WRONG_SHAPE)
    clean_texts = {name: clean_unless_nul(value[name]) for name in texts}
    return Claim(**{**value, **clean_texts})


_BEGIN: Final = re.compile(r'^\s*(?:```(?:json)?\s*)?\{\s*"answer"\s*:\s*"')
_LONGEST_BEGIN: Final = 1_000
_SURROGATE: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")


class AnswerText:
    """Extracts the text of `answer` from JSON that is still arriving."""

    def __init__(self) -> None:
        self._buffer = ""
        self._inside = False
        self._ended = False

    def feed(self, piece: str) -> str:
        """Return the part of the text that this piece adds."""
        if self._ended:
            return ""
        self._buffer += piece
        if not self._inside:
            begin = _BEGIN.match(self._buffer)
            if begin is None:
                # Some models write spaces without an end.
                self._ended = len(self._buffer) > _LONGEST_BEGIN
                return ""
            self._inside = True
            self._buffer = self._buffer[begin.end() :]
        stop = self._decodable_length()
        raw, self._buffer = self._buffer[:stop], self._buffer[stop:]
        try:
            decoded: str = json.loads(f'"{raw}"', strict=False)
        except ValueError:
            self._ended = True
            return ""
        return decoded

    def _decodable_length(self) -> int:
        """Return the length of the part that can be decoded: up to a cut escape or a quote."""
        position = 0
        while position < len(self._buffer):
            character = self._buffer[position]
            if character == '"':
                self._ended = True
                return position
            size = 1
            if character == "\\":
                size = 6 if self._buffer[position + 1 : position + 2] == "u" else 2
                if size == 6 and _SURROGATE.match(self._buffer, position):  # noqa: PLR2004
                    size = 12
            if position + size > len(self._buffer):
                return position
            position += size
        return position
