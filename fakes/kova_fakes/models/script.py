"""The script of a fake provider: its next answers and the requests that it received."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from kova_fakes.models.answers import tokens

Kind = Literal[
    "ok",
    "refusal",
    "truncated",
    "empty",
    "cut",
    "cut_late",
    "stall",
    "stall_late",
    "error",
    "html",
    "bad_body",
]


@dataclass(frozen=True, kw_only=True)
class ModelReply:
    """One answer.

    Attributes:
        kind: `ok` and `truncated` send the text, `cut` ends the connection in the
            middle of it, `cut_late` sends an error event there, `stall` sends nothing more after
            the head, `stall_late` after half of the stream, `error` answers with the status,
            `html` with a page, `bad_body` with JSON that is not an answer of this API.
        text: the text of the answer; None for one made from the request.
        status: of `error` and `html`.
        retry_after: the header's value, in seconds.
        thoughts: how many pieces of thoughts are streamed before the text.
        seconds: to wait before the first byte.
        pieces_seconds: to wait between two pieces of a stream.
        counted: the tokens to report for input and for output; None for an estimate.
    """

    kind: Kind = "ok"
    text: str | None = None
    status: int = 200
    retry_after: str | None = None
    thoughts: int = 0
    seconds: float = 0.0
    pieces_seconds: float = 0.0
    counted: int | None = None

    def count(self, text: str) -> int:
        """Return how many tokens the reply reports for a text."""
        return tokens(text) if self.counted is None else self.counted


@dataclass(frozen=True, kw_only=True)
class ReceivedCall:
    """One request that passed validation, without its key."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Script:
    """The replies of a fake provider, in order; after them always `always`."""

    api_key: str
    always: ModelReply = field(default_factory=ModelReply)
    calls: list[ReceivedCall] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    abandoned: int = 0
    """Streams that the client left before their end."""
    _pending: list[ModelReply] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def then(self, *replies: ModelReply) -> None:
        """Add replies for the next requests."""
        with self._lock:
            self._pending += replies

    def take(self) -> ModelReply:
        """Return the reply for a request that arrived."""
        with self._lock:
            return self._pending.pop(0) if self._pending else self.always

    def remember(self, call: ReceivedCall) -> None:
        """Store a request for a test's assertions."""
        with self._lock:
            self.calls.append(call)

    def leave(self) -> None:
        """Count a client that has left."""
        with self._lock:
            self.abandoned += 1

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._pending.clear()
            self.always = ModelReply()
            self.calls.clear()
            self.refused.clear()
            self.abandoned = 0

    def count(self, suffix: str) -> int:
        """Return how many valid requests came to paths with an ending."""
        return sum(call.path.endswith(suffix) for call in self.calls)
