"""Prompts. Everything from outside stands inside fences that it can neither close nor open.

A fence carries a hash of all fenced text, which no text can contain about itself, and every line
inside a fence begins with its number or with `>`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from kova.models.price import estimate_tokens

_LONGEST_LINE: Final = 500
_LEAST_TOKENS: Final = 40


@dataclass(frozen=True, kw_only=True)
class Material:
    """Text that is shown to a model as data, not as instructions.

    Attributes:
        kind: `file` and `change` are lines of files that can be cited, `code` what the caller
            sent, `note` a text about them.
        name: the path, or what the note is.
        lines: the text without line ends.
        start_line: the number of the first line.
        changed: numbers of the lines that a pull request changed.
    """

    kind: str
    name: str
    lines: tuple[str, ...]
    start_line: int = 1
    changed: frozenset[int] = frozenset()

    @property
    def is_citable(self) -> bool:
        """True if its lines are lines of a file."""
        return self.kind != "note"

    @cached_property
    def flat_lines(self) -> tuple[str, ...]:
        """The lines with single spaces, made once however many quotes are looked for."""
        return tuple(" ".join(line.split()) for line in self.lines)

    def lines_between(self, first: int, last: int) -> tuple[str, ...]:
        """Return the lines from `first` to `last`; empty if the material does not have them all."""
        start = first - self.start_line
        end = last - self.start_line + 1
        return self.lines[start:end] if 0 <= start < end <= len(self.lines) else ()

    def render_lines(self) -> list[str]:
        """Return the lines as the prompt shows them: numbered, or marked with `>`."""
        if not self.is_citable:
            return [f"> {line[:_LONGEST_LINE]}" for line in self.lines]
        width = len(str(self.start_line + len(self.lines)))
        return [
            f"{number:>{width}}|{'+' if number in self.changed else ' '}{line[:_LONGEST_LINE]}"
            for number, line in enumerate(self.lines, self.start_line)
        ]


@dataclass(frozen=True, kw_only=True)
class Message:
    """One turn. `role` is user or assistant."""

    role: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One request to a model. `schema` is the JSON schema of its answer."""

    system: str
    messages: tuple[Message, ...]
    schema_name: str
    schema: dict[str, Any]
    max_output_tokens: int

    @cached_property
    def size(self) -> int:
        """Size in bytes, an upper bound of the tokens."""
        texts = [self.system, json.dumps(self.schema), *(message.text for message in self.messages)]
        return sum(len(text.encode("utf-8", "replace")) for text in texts)

    @property
    def identity(self) -> str:
        """A hash of the content, for the answer cache."""
        turns = [[message.role, message.text] for message in self.messages]
        parts = [self.system, turns, self.schema, self.max_output_tokens]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def fence_materials(materials: Sequence[Material]) -> str:
    """Return the materials as one text, each in a fence."""
    blocks = [(material, material.render_lines()) for material in materials]
    content = "\n".join(line for _, lines in blocks for line in lines)
    fence = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:16]
    output: list[str] = []
    for material, lines in blocks:
        name = json.dumps(material.name)[1:-1]
        name = name.replace('\\"', '"')
        for mark in '<>"':
            name = name.replace(mark, f"\\u{ord(mark):04x}")
        output += [
            f'<material id="{fence}" kind="{material.kind}" name="{name}">',
            *lines,
            f'</material id="{fence}">',
        ]
    return "\n".join(output)


def fit_materials(materials: Iterable[Material], budget: int) -> tuple[Material, ...]:
    """Return the first materials that fit into `budget` tokens; the last may lack its end."""
    fitting: list[Material] = []
    for material in materials:
        costs = [estimate_tokens(line) + 1 for line in material.render_lines()]
        count = 0
        spent = _LEAST_TOKENS
        while count < len(costs) and spent + costs[count] <= budget:
            spent += costs[count]
            count += 1
        if count == 0:
            continue
        fitting.append(replace(material, lines=material.lines[:count]))
        budget -= spent
    return tuple(fitting)


def trim_history(turns: Sequence[Message], budget: int) -> tuple[Message, ...]:
    """Return the latest exchanges that fit into `budget` tokens, oldest first."""
    latest: list[Message] = []
    for start in range(len(turns) - 2, -1, -2):
        pair = turns[start : start + 2]
        budget -= sum(estimate_tokens(message.text) for message in pair)
        if budget < 0:
            break
        latest = [*pair, *latest]
    return tuple(latest)
