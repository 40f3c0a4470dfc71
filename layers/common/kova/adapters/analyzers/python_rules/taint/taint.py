"""What is known of a value: where it came from, and against what harm it was made safe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

PARAMETER: Final = "param:"  # Before a parameter's name: the source of what a caller passes.


@dataclass(frozen=True, kw_only=True)
class Taint:
    """Sources (`request`, `local`, `weak`, `param:x`) and the kinds of harm that are ruled out."""

    sources: frozenset[str] = frozenset()
    sanitized_for: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Tell whether anything came from outside."""
        return bool(self.sources)

    def sanitized(self, kinds: Iterable[str]) -> Taint:
        """Return the taint made safe against more kinds of harm."""
        if not self.sources:
            return self
        return replace(self, sanitized_for=self.sanitized_for | frozenset(kinds))

    def unsanitized(self, kind: str) -> Taint:
        """Return the taint that may do this kind of harm again."""
        return replace(self, sanitized_for=self.sanitized_for - {kind})

    def without_source(self, source: str) -> Taint:
        """Return the taint of the other sources."""
        return replace(self, sources=self.sources - {source})


UNTAINTED: Final = Taint()


def join(taints: Iterable[Taint]) -> Taint:
    """Return the taint of a value made of these: safe only against what all are safe against."""
    tainted = [taint for taint in taints if taint.sources]
    if not tainted:
        return UNTAINTED
    if len(tainted) == 1:
        return tainted[0]
    return Taint(
        sources=frozenset().union(*(taint.sources for taint in tainted)),
        sanitized_for=frozenset.intersection(*(taint.sanitized_for for taint in tainted)),
    )


def taint_from(*sources: str) -> Taint:
    """Return the taint of a value that comes from these sources and was not sanitized."""
    return Taint(sources=frozenset(sources))
