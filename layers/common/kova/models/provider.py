"""The providers of models, and the kinds of answers."""

from __future__ import annotations

import enum


class Task(enum.StrEnum):
    """The kind of answer that a command asks for."""

    GENERATE = "generate"
    ANALYZE = "analyze"
    REVIEW = "review"
    SUGGEST = "suggest"


class Provider(enum.StrEnum):
    """A provider of models."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
