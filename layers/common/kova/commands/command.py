"""A command to a model: the request, its answer, its outcome and its cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.shared.reach import EVERYTHING, Reach

COMMAND_LIMIT: Final = 8_000
CODE_LIMIT: Final = 100_000
LEAST_OUTPUT_TOKENS: Final = 16
MOST_OUTPUT_TOKENS: Final = 16_000
DEFAULT_OUTPUT_TOKENS: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class Citation:
    """Lines of a file that an answer rests on; the quote was compared with the file."""

    path: str
    start_line: int
    end_line: int


@dataclass(frozen=True, kw_only=True)
class ReviewFinding:
    """A remark at lines that a pull request changed. `severity` is high, medium or low."""

    path: str
    start_line: int
    end_line: int
    severity: str
    message: str


@dataclass(frozen=True, kw_only=True)
class CommandRequest:
    """A request for an answer.

    Attributes:
        task: None lets the words of the command decide (commands/routing.py).
        provider: None lets the task decide; the other provider is the fallback.
        pull_request: the number of the pull request that a review is about.
    """

    command: str
    task: Task | None = None
    repository: str | None = None
    ref: str | None = None
    path: str | None = None
    code: str | None = None
    error_id: str | None = None
    session_id: str | None = None
    pull_request: int | None = None
    provider: Provider | None = None
    max_output_tokens: int = DEFAULT_OUTPUT_TOKENS


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A checked answer."""

    output: str
    citations: tuple[Citation, ...] = ()
    findings: tuple[ReviewFinding, ...] = ()
    dropped: int = 0
    """How many citations and findings failed the check and are not shown."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command as it is stored. `answer` is set when the outcome is `ok`.

    `actor` asks, with an API key or without, and is shown what is in `reach`.
    """

    id: str
    api_key_id: str | None
    request: CommandRequest
    task: Task
    outcome: Outcome
    created_at: datetime
    provider: Provider | None = None
    model: str | None = None
    answer: Answer | None = None
    usage: TokenUsage = field(default_factory=TokenUsage)
    cost_usd: Decimal = Decimal(0)
    cached: bool = False
    fallback: bool = False
    session_id: str | None = None
    duration_ms: int | None = None
    actor: str | None = None
    reach: Reach = EVERYTHING
    detail: str | None = None
    """Why it failed, in Kova's own words."""

    @property
    def owner(self) -> str:
        """Whose conversations the command may continue."""
        return self.api_key_id or self.actor or ""
