"""Answers of the Messages API, whole and as events."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from kova_fakes.models.answers import answer
from kova_fakes.models.script import ModelReply
from kova_fakes.models.streams import pieces

_NUMBERS = itertools.count(1)


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the JSON schema that the answer must fit."""
    answer_format = (body.get("output_config") or {}).get("format") or {}
    schema: dict[str, Any] | None = answer_format.get("schema")
    return schema


def prompt_of(body: dict[str, Any]) -> str:
    """Return all texts of a request."""
    parts = [
        str(body.get("system", "")),
        *(str(message["content"]) for message in body["messages"]),
    ]
    return "\n".join(parts)


class MessagesAnswer:
    """One answer."""

    def __init__(self, body: dict[str, Any], reply: ModelReply) -> None:
        self._body = body
        self._reply = reply
        self._id = f"msg_{next(_NUMBERS):024x}"
        self._sent = reply.count(prompt_of(body))
        text = reply.text
        if text is None:
            silent = reply.kind in {"empty", "refusal"}
            text = "" if silent else answer(prompt_of(body), schema_of(body))
        self._text = text

    def message(self) -> dict[str, Any]:
        """Return the whole answer."""
        content = [{"type": "text", "text": self._text}] if self._text else []
        usage = {"input_tokens": self._sent, "output_tokens": self._reply.count(self._text)}
        return {
            **self._head(usage),
            "content": content,
            "stop_reason": self._reason,
            "stop_details": self._details,
        }

    @property
    def _reason(self) -> str:
        return {"refusal": "refusal", "truncated": "max_tokens"}.get(self._reply.kind, "end_turn")

    @property
    def _details(self) -> dict[str, Any] | None:
        if self._reply.kind != "refusal":
            return None
        return {"type": "refusal", "category": "cyber", "explanation": "I cannot do this."}

    def _head(self, usage: dict[str, int]) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }

    def events(self) -> Iterator[tuple[str, Any]]:
        """Yield the events of the answer."""
        for event in self._yield_events():
            yield event["type"], event

    def _yield_events(self) -> Iterator[dict[str, Any]]:
        head = self._head({"input_tokens": self._sent, "output_tokens": 1})
        yield {"type": "message_start", "message": head}
        yield from self._yield_thoughts()
        at = 1 if self._reply.thoughts else 0
        if self._text:
            block = {"type": "text", "text": ""}
            yield {"type": "content_block_start", "index": at, "content_block": block}
            yield {"type": "ping"}
            text_pieces = pieces(self._text)
            for number, piece in enumerate(text_pieces):
                if self._reply.kind == "cut_late" and number == len(text_pieces) // 2:
                    problem = {"type": "overloaded_error", "message": "Overloaded"}
                    yield {"type": "error", "error": problem}
                    return
                delta = {"type": "text_delta", "text": piece}
                yield {"type": "content_block_delta", "index": at, "delta": delta}
            yield {"type": "content_block_stop", "index": at}
        yield {
            "type": "message_delta",
            "delta": {
                "stop_reason": self._reason,
                "stop_sequence": None,
                "stop_details": self._details,
            },
            "usage": {"output_tokens": self._reply.count(self._text)},
        }
        yield {"type": "message_stop"}

    def _yield_thoughts(self) -> Iterator[dict[str, Any]]:
        if not self._reply.thoughts:
            return
        block = {"type": "thinking", "thinking": "", "signature": ""}
        yield {"type": "content_block_start", "index": 0, "content_block": block}
        deltas: list[dict[str, str]] = [
            {"type": "thinking_delta", "thinking": "Hm. "}
        ] * self._reply.thoughts
        deltas.append({"type": "signature_delta", "signature": "c2lnbmVk"})
        for delta in deltas:
            yield {"type": "content_block_delta", "index": 0, "delta": delta}
        yield {"type": "content_block_stop", "index": 0}
