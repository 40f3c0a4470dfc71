"""Patterns of paths: `*` and `?` within a folder's name, `**` over folders.

A pattern also matches everything below a folder that it names. There is no backtracking: a
pattern comes from a repository and may be meant to be slow.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import cached_property

PATTERN_LIMIT = 200


@dataclass(frozen=True, kw_only=True)
class Glob:
    """One pattern, from the root of the repository."""

    pattern: str

    def matches(self, path: str) -> bool:
        """Tell whether the pattern matches the path or a folder above it."""
        if not self._parts:
            return True  # the root
        open_ends = self._after_folders({0})
        for name in path.split("/"):
            next_ends: set[int] = set()
            for index in open_ends:
                part = self._parts[index]
                if part is None:
                    next_ends.add(index)
                elif part.match(name):
                    next_ends.add(index + 1)
            open_ends = self._after_folders(next_ends)
            if len(self._parts) in open_ends:
                return True
            if not open_ends:
                return False
        return False

    def _after_folders(self, indices: set[int]) -> set[int]:
        """Add the positions after a `**` that stands for no folder at all."""
        parts = self._parts
        return indices | {
            index + 1 for index in indices if index < len(parts) and parts[index] is None
        }

    @cached_property
    def _parts(self) -> tuple[re.Pattern[str] | None, ...]:
        split = [name for name in self.pattern.split("/") if name not in {"", "."}]
        # Sixty times `**` in a row says what one says, and would be sixty times the work.
        names = [
            name
            for name, before in zip(split, ["", *split], strict=False)
            if name != "**" or before != "**"
        ]
        parts = [None if name == "**" else re.compile(fnmatch.translate(name)) for name in names]
        if parts and parts[-1] is None:
            parts[-1] = re.compile(fnmatch.translate("*"))  # at least one name below
        return tuple(parts)
