"""Whether cited lines are there and say what is claimed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kova.commands.command import Citation
from kova.models.model_answer import Claim
from kova.models.prompt import Material

_LONGEST: Final = 200


def check_citations(
    claims: Iterable[Claim], materials: Sequence[Material]
) -> tuple[tuple[Citation, ...], int]:
    """Return the citations that hold, and how many were dropped.

    A quote that stands elsewhere in the same file, once, moves its citation there: models are bad
    at counting lines.
    """
    kept: dict[Citation, None] = {}
    dropped = 0
    known = by_path(materials)
    for claim in claims:
        place = locate(claim, known.get(claim.path, ()))
        if place is None:
            dropped += 1
        else:
            kept[Citation(path=claim.path, start_line=place[0], end_line=place[1])] = None
    return tuple(kept), dropped


def by_path(materials: Sequence[Material]) -> Mapping[str, tuple[Material, ...]]:
    """Return the materials that can be cited, by the file that they are of."""
    paths = {one.name for one in materials if one.citable}
    return {
        path: tuple(one for one in materials if one.citable and one.name == path) for path in paths
    }


def locate(claim: Claim, materials: Sequence[Material]) -> tuple[int, int] | None:
    """Return the lines that hold the claim's quote; None when none do, or several places may."""
    quote = _words(claim.quote)
    if not quote or claim.end_line - claim.start_line >= _LONGEST:
        return None
    for material in materials:
        lines = material.between(claim.start_line, claim.end_line)
        if lines and quote in _words("\n".join(lines)):
            return claim.start_line, claim.end_line
    wanted = [_words(line) for line in claim.quote.strip().splitlines() if line.strip()]
    found = {place for one in materials for place in _places(one, wanted)}
    return found.pop() if len(found) == 1 else None


def _places(material: Material, wanted: Sequence[str]) -> Iterable[tuple[int, int]]:
    lines = [_words(line) for line in material.lines]
    size = len(wanted)
    for start in range(len(lines) - size + 1):
        if all(one in lines[start + number] for number, one in enumerate(wanted)):
            yield material.start_line + start, material.start_line + start + size - 1


def _words(text: str) -> str:
    return " ".join(text.split())
