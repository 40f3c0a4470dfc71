"""How a command or a call to a model ends."""

from __future__ import annotations

import enum


class Outcome(enum.StrEnum):
    """How a command ended. Queued and running ones have not ended."""

    QUEUED = "queued"
    RUNNING = "running"
    OK = "ok"
    REFUSAL = "refusal"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    NUL = "nul"
    CUT = "cut"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    MISCONFIGURED = "misconfigured"
    BUDGET_EXHAUSTED = "budget_exhausted"
    NOT_CONFIGURED = "not_configured"
    CANCELLED = "cancelled"
    NO_CONTEXT = "no_context"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """True if the command has ended."""
        return self not in {Outcome.QUEUED, Outcome.RUNNING}
