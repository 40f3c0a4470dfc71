"""Decides which task a command is, and which provider answers it.

The rule for `auto`, in this order:

1. a command about a pull request is a review;
2. the first of the words below that the command holds decides;
3. otherwise it is an analysis: a question.
"""

from __future__ import annotations

import re
from typing import Final

from kova.commands.command import CommandRequest
from kova.models.provider import Provider, Task

_WORDS: Final = {
    Task.REVIEW: "review critique audit feedback",
    Task.SUGGEST: "suggest suggestion suggestions improve refactor simplify recommend propose "
    "rename alternative alternatives",
    Task.GENERATE: "write generate create implement add build scaffold code complete convert "
    "translate port",
    Task.ANALYZE: "explain why what where when how which who find analyze analyse describe "
    "summarize summarise debug trace is does",
}
_TASK_OF: Final = {word: task for task, words in _WORDS.items() for word in words.split()}
_WORD: Final = re.compile(r"[a-z]+")
PREFERRED: Final = {
    Task.GENERATE: Provider.OPENAI,
    Task.ANALYZE: Provider.OPENAI,
    Task.REVIEW: Provider.ANTHROPIC,
    Task.SUGGEST: Provider.ANTHROPIC,
}


def task_of(request: CommandRequest) -> Task:
    """Return the requested task, or the one that the rule above finds."""
    if request.task is not None:
        return request.task
    if request.pull_request is not None:
        return Task.REVIEW
    for match in _WORD.finditer(request.command.lower()):
        if match[0] in _TASK_OF:
            return _TASK_OF[match[0]]
    return Task.ANALYZE


def providers_for(task: Task, requested: Provider | None) -> tuple[Provider, ...]:
    """Return the providers to ask, in order; a requested one is asked alone."""
    if requested is not None:
        return (requested,)
    preferred = PREFERRED[task]
    return (preferred, *(provider for provider in Provider if provider is not preferred))
