"""How a command or a call to a model ends."""

from __future__ import annotations

import enum


class Outcome(enum.StrEnum):
    """How a command ended; the first two have not."""

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
    def final(self) -> bool:
        """Tell whether nothing more will happen."""
        return self not in {Outcome.QUEUED, Outcome.RUNNING}
