"""What is known of a value: where it came from, and against what harm it was made safe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Value:
    """Labels of origin (`request`, `local`, `weak`, `param:x`) and kinds of harm ruled out."""

    labels: frozenset[str] = frozenset()
    clean: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Tell whether anything came from outside."""
        return bool(self.labels)

    def cleaned(self, kinds: Iterable[str]) -> Value:
        """Return the value made safe against more kinds of harm."""
        return replace(self, clean=self.clean | frozenset(kinds)) if self.labels else self


NOTHING: Final = Value()


def join(values: Iterable[Value]) -> Value:
    """Return what a value made of these is: safe only against what all are safe against."""
    tainted = [one for one in values if one.labels]
    if not tainted:
        return NOTHING
    if len(tainted) == 1:
        return tainted[0]
    return Value(
        labels=frozenset().union(*(one.labels for one in tainted)),
        clean=frozenset.intersection(*(one.clean for one in tainted)),
    )


def of(*labels: str) -> Value:
    """Return a value with labels."""
    return Value(labels=frozenset(labels))
