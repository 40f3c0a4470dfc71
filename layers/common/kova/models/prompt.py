"""Prompts: who says what, with everything from outside fenced so that it cannot be mistaken.

A fence carries an id made from all that stands in it, which no text can hold of itself, and every
line inside begins with its number or a mark: no content ends a fence or begins one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from kova.models.price import estimated_tokens

_LONGEST_LINE: Final = 500
_LEAST_TOKENS: Final = 40


@dataclass(frozen=True, kw_only=True)
class Material:
    """Something shown to a model that may not tell it what to do.

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
    def citable(self) -> bool:
        """Tell whether its lines are lines of a file."""
        return self.kind != "note"

    def between(self, first: int, last: int) -> tuple[str, ...]:
        """Return the lines from `first` to `last`; none when they are not all here."""
        start = first - self.start_line
        end = last - self.start_line + 1
        return self.lines[start:end] if 0 <= start < end <= len(self.lines) else ()

    def shown(self) -> list[str]:
        """Return its lines as they stand in the prompt."""
        if not self.citable:
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
    """All that a model is told. `schema` is the JSON schema of its answer."""

    system: str
    messages: tuple[Message, ...]
    schema_name: str
    schema: dict[str, Any]
    max_output_tokens: int

    @cached_property
    def size(self) -> int:
        """Its bytes, an upper bound of its tokens."""
        texts = [self.system, json.dumps(self.schema), *(one.text for one in self.messages)]
        return sum(len(text.encode("utf-8", "replace")) for text in texts)

    @property
    def identity(self) -> str:
        """The same for the same content."""
        turns = [[one.role, one.text] for one in self.messages]
        parts = [self.system, turns, self.schema, self.max_output_tokens]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def fenced(materials: Sequence[Material]) -> str:
    """Return the materials as text, each in its fence."""
    shown = [(one, one.shown()) for one in materials]
    everything = "\n".join(line for _, lines in shown for line in lines)
    fence = hashlib.sha256(everything.encode("utf-8", "replace")).hexdigest()[:16]
    blocks: list[str] = []
    for material, lines in shown:
        name = json.dumps(material.name)[1:-1]
        name = name.replace('\\"', '"')
        for mark in '<>"':
            name = name.replace(mark, f"\\u{ord(mark):04x}")
        blocks += [
            f'<material id="{fence}" kind="{material.kind}" name="{name}">',
            *lines,
            f'</material id="{fence}">',
        ]
    return "\n".join(blocks)


def fit(materials: Iterable[Material], budget: int) -> tuple[Material, ...]:
    """Return what fits into a number of tokens: the first ones whole, then the head of one."""
    chosen: list[Material] = []
    left = budget
    for material in materials:
        costs = [estimated_tokens(line) + 1 for line in material.shown()]
        count = 0
        spent = _LEAST_TOKENS
        while count < len(costs) and spent + costs[count] <= left:
            spent += costs[count]
            count += 1
        if count == 0:
            continue
        chosen.append(replace(material, lines=material.lines[:count]))
        left -= spent
    return tuple(chosen)


def trimmed(turns: Sequence[Message], budget: int) -> tuple[Message, ...]:
    """Return the latest whole exchanges that fit into a number of tokens, oldest first."""
    kept: list[Message] = []
    for start in range(len(turns) - 2, -1, -2):
        pair = turns[start : start + 2]
        budget -= sum(estimated_tokens(one.text) for one in pair)
        if budget < 0:
            break
        kept = [*pair, *kept]
    return tuple(kept)
