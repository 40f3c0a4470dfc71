"""Answers of the Responses API, whole and as events."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

from kova_fakes.models.answers import answer
from kova_fakes.models.script import ModelReply
from kova_fakes.models.streams import pieces

_NUMBERS = itertools.count(1)


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the JSON schema that the answer must fit."""
    answer_format = body.get("text", {}).get("format", {})
    schema: dict[str, Any] | None = answer_format.get("schema")
    return schema


def prompt_of(body: dict[str, Any]) -> str:
    """Return all texts of a request."""
    messages = body.get("input", "")
    parts = (
        [messages]
        if isinstance(messages, str)
        else [str(message.get("content", "")) for message in messages]
    )
    return "\n".join([body.get("instructions") or "", *parts])


def text_of(body: dict[str, Any], reply: ModelReply) -> str:
    """Return the text of the answer."""
    if reply.kind == "empty":
        return ""
    return answer(prompt_of(body), schema_of(body)) if reply.text is None else reply.text


class ResponsesAnswer:
    """One answer."""

    def __init__(self, body: dict[str, Any], reply: ModelReply, text: str) -> None:
        self._body = body
        self._reply = reply
        self._text = text
        self._id = f"resp_{next(_NUMBERS):024x}"
        self._item = f"msg_{next(_NUMBERS):024x}"

    def response(self, status: str | None = None) -> dict[str, Any]:
        """Return the whole answer; with a status, the empty one at the beginning of a stream."""
        final = status is None
        truncated = self._reply.kind == "truncated"
        sent = self._reply.count(prompt_of(self._body))
        received = self._reply.count(self._text)
        return {
            "id": self._id,
            "object": "response",
            "created_at": int(time.time()),
            "status": status or ("incomplete" if truncated else "completed"),
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if final and truncated else None,
            "instructions": self._body.get("instructions"),
            "max_output_tokens": self._body.get("max_output_tokens"),
            "model": self._body["model"],
            "output": [self._message()] if final else [],
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "metadata": {},
            "usage": {
                "input_tokens": sent,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": received,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": sent + received,
            }
            if final
            else None,
        }

    def _message(self) -> dict[str, Any]:
        status = "incomplete" if self._reply.kind == "truncated" else "completed"
        return {
            "id": self._item,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [self._part(self._text)] if self._reply.kind != "empty" else [],
        }

    def _part(self, text: str) -> dict[str, Any]:
        if self._reply.kind == "refusal":
            return {"type": "refusal", "refusal": text if self._reply.text else "I cannot do this."}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def events(self) -> Iterator[tuple[str, Any]]:
        """Yield the events of the answer, numbered in order."""
        for number, event in enumerate(self._yield_events()):
            yield event["type"], {**event, "sequence_number": number}

    def _yield_events(self) -> Iterator[dict[str, Any]]:
        yield {"type": "response.created", "response": self.response("in_progress")}
        yield {"type": "response.in_progress", "response": self.response("in_progress")}
        yield from self._yield_thoughts()
        at = 1 if self._reply.thoughts else 0
        where = {"item_id": self._item, "output_index": at, "content_index": 0}
        message = {**self._message(), "status": "in_progress", "content": []}
        yield {"type": "response.output_item.added", "output_index": at, "item": message}
        if self._reply.kind != "empty":
            yield from self._yield_content(where)
        event = {"type": "response.output_item.done", "output_index": at, "item": self._message()}
        yield event
        name = "incomplete" if self._reply.kind == "truncated" else "completed"
        yield {"type": f"response.{name}", "response": self.response()}

    def _yield_thoughts(self) -> Iterator[dict[str, Any]]:
        if not self._reply.thoughts:
            return
        reasoning = {"id": f"rs_{self._id}", "type": "reasoning", "summary": []}
        yield {"type": "response.output_item.added", "output_index": 0, "item": reasoning}
        where = {"item_id": reasoning["id"], "output_index": 0, "summary_index": 0}
        for _ in range(self._reply.thoughts):
            yield {"type": "response.reasoning_summary_text.delta", **where, "delta": "Hm. "}
        yield {"type": "response.output_item.done", "output_index": 0, "item": reasoning}

    def _yield_content(self, where: dict[str, Any]) -> Iterator[dict[str, Any]]:
        refused = self._reply.kind == "refusal"
        part = self._part(self._text)
        text = part["refusal"] if refused else self._text
        kind = "refusal" if refused else "output_text"
        extra: dict[str, Any] = {} if refused else {"logprobs": []}
        empty = {**part, ("refusal" if refused else "text"): ""}
        yield {"type": "response.content_part.added", **where, "part": empty}
        text_pieces = pieces(text)
        for number, piece in enumerate(text_pieces):
            if self._reply.kind == "cut_late" and number == len(text_pieces) // 2:
                yield {"type": "error", "code": "server_error", "message": "gone", "param": None}
                return
            yield {"type": f"response.{kind}.delta", **where, "delta": piece, **extra}
        final = {"refusal": text} if refused else {"text": text, "logprobs": []}
        yield {"type": f"response.{kind}.done", **where, **final}
        yield {"type": "response.content_part.done", **where, "part": part}
