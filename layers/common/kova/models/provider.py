"""Who answers, and which kind of answer is asked for."""

from __future__ import annotations

import enum


class Task(enum.StrEnum):
    """What kind of answer is wanted."""

    GENERATE = "generate"
    ANALYZE = "analyze"
    REVIEW = "review"
    SUGGEST = "suggest"


class Provider(enum.StrEnum):
    """Who answers."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
