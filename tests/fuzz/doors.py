"""What is fuzzed: each door takes one mutated input and says what became of it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

Door: TypeAlias = Callable[[random.Random], Awaitable[str]]
"""Sends one input that the random numbers decide about; returns what became of it, in a word or two.

What must never happen is raised: FuzzError, or whatever the product did not expect.
"""


@dataclass
class FuzzError(Exception):
    """A door did what it must never do. `body` is what was sent last."""

    message: str
    body: bytes = field(repr=False)
