"""Answers of Chat Completions, which OpenAI-compatible servers speak."""

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
    answer_format = body.get("response_format", {})
    schema: dict[str, Any] | None = answer_format.get("json_schema", {}).get("schema")
    return schema


class ChatAnswer:
    """One answer."""

    def __init__(self, body: dict[str, Any], reply: ModelReply) -> None:
        self._body = body
        self._reply = reply
        self._prompt = "\n".join(str(message.get("content", "")) for message in body["messages"])
        self._text = reply.text
        if self._text is None:
            self._text = "" if reply.kind == "empty" else answer(self._prompt, schema_of(body))
        self._id = f"chatcmpl-{next(_NUMBERS):024x}"

    def completion(self) -> dict[str, Any]:
        """Return the whole answer."""
        refused = self._reply.kind == "refusal"
        message = {
            "role": "assistant",
            "content": None if refused else self._text,
            "refusal": self._text if refused else None,
        }
        choice = {"index": 0, "message": message, "finish_reason": self._finish, "logprobs": None}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    @property
    def _finish(self) -> str:
        return "length" if self._reply.kind == "truncated" else "stop"

    def _head(self, kind: str) -> dict[str, Any]:
        model = self._body["model"]
        return {"id": self._id, "object": kind, "created": int(time.time()), "model": model}

    def _usage(self) -> dict[str, int]:
        count = self._reply.count
        sent, received = count(self._prompt), count(self._text or "")
        return {
            "prompt_tokens": sent,
            "completion_tokens": received,
            "total_tokens": sent + received,
        }

    def events(self) -> Iterator[tuple[str, Any]]:
        """Yield the chunks of the answer; they have no names."""
        head = self._head("chat.completion.chunk")

        def chunk(delta: dict[str, Any], finish: str | None = None) -> tuple[str, Any]:
            choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
            return "", {**head, "choices": [choice]}

        yield chunk({"role": "assistant", "content": ""})
        member = "refusal" if self._reply.kind == "refusal" else "content"
        for piece in pieces(self._text or ""):
            yield chunk({member: piece})
        yield chunk({}, self._finish)
        if (self._body.get("stream_options") or {}).get("include_usage"):
            yield "", {**head, "choices": [], "usage": self._usage()}
        yield "", "[DONE]"
