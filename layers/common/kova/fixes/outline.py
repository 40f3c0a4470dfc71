"""What a source file defines, read by its language's parser."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What others may rely on in a file.

    Attributes:
        definitions: signature by qualified name of each function and class; a signature is its
            parameters in order, such as `("a", "b=", "*args", "c=")`; a class has its bases' number
            of positions left out and an empty signature.
        names: names that module-level assignments bind.
        imports: dotted names of imported modules (`from a.b import c` is `a.b`).
    """

    definitions: dict[str, tuple[str, ...]]
    names: frozenset[str]
    imports: frozenset[str]
