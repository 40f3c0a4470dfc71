"""Assemble a prompt: rules, task, history, material within a budget of tokens, question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from kova.commands.command import CommandRequest
from kova.models.model_answer import ANSWER_SCHEMA, REVIEW_SCHEMA
from kova.models.prompt import (
    Material,
    Message,
    Prompt,
    fence_materials,
    fit_materials,
    trim_history,
)
from kova.models.provider import Task
from kova.shared.text import clean

MATERIAL_TOKENS: Final = 24_000
HISTORY_TOKENS: Final = 4_000


@dataclass(frozen=True, kw_only=True)
class Template:
    """One file of instructions. Its version grows with every change of the text."""

    version: int
    text: str


@cache
def read_template(name: str) -> Template:
    """Read a template of `prompts/`."""
    content = (files("kova.commands") / "prompts" / f"{name}.md").read_text("utf-8")
    head, _, text = content.partition("\n")
    return Template(version=int(head.removeprefix("version:")), text=text.strip())


def is_pull_request_review(request: CommandRequest, task: Task) -> bool:
    """True if the answer is a list of findings at changed lines."""
    return task is Task.REVIEW and request.pull_request is not None


def assemble(
    request: CommandRequest, task: Task, materials: Sequence[Material], history: Sequence[Message]
) -> tuple[Prompt, tuple[Material, ...]]:
    """Return the prompt, and the materials that fit into it."""
    review = is_pull_request_review(request, task)
    parts = ("system", "review_pull_request") if review else ("system", task.value, "cite")
    shown = fit_materials(materials, MATERIAL_TOKENS)
    question = f"Question:\n{clean(request.command)}"
    blocks = [fence_materials(shown), question] if shown else [question]
    prompt = Prompt(
        system="\n\n".join(read_template(part).text for part in parts),
        messages=(
            *trim_history(history, HISTORY_TOKENS),
            Message(role="user", text="\n\n".join(blocks)),
        ),
        schema_name="review" if review else "answer",
        schema=REVIEW_SCHEMA if review else ANSWER_SCHEMA,
        max_output_tokens=request.max_output_tokens,
    )
    return prompt, shown
