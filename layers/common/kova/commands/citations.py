"""Checks that cited lines exist and contain the quotes."""

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
    """Return the citations whose quotes were found, and how many were dropped.

    A quote that stands elsewhere in the same file, but only once, moves its citation there: models
    often miscount lines.
    """
    citations: dict[Citation, None] = {}
    dropped = 0
    materials_by_path = by_path(materials)
    for claim in claims:
        place = locate(claim, materials_by_path.get(claim.path, ()))
        if place is None:
            dropped += 1
        else:
            start, end = place
            citations[Citation(path=claim.path, start_line=start, end_line=end)] = None
    return tuple(citations), dropped


def by_path(materials: Sequence[Material]) -> Mapping[str, tuple[Material, ...]]:
    """Return the citable materials by the path of their file."""
    citable = [material for material in materials if material.is_citable]
    return {
        path: tuple(material for material in citable if material.name == path)
        for path in {material.name for material in citable}
    }


def locate(claim: Claim, materials: Sequence[Material]) -> tuple[int, int] | None:
    """Return first and last line of the claim's quote; None if it is nowhere, or in two places."""
    quote = _words(claim.quote)
    if not quote or claim.end_line - claim.start_line >= _LONGEST:
        return None
    for material in materials:
        lines = material.lines_between(claim.start_line, claim.end_line)
        if lines and quote in _words("\n".join(lines)):
            return claim.start_line, claim.end_line
    quoted = [_words(line) for line in claim.quote.strip().splitlines() if line.strip()]
    if len(quoted) > _LONGEST:
        return None
    places: set[tuple[int, int]] = set()
    for place in (place for material in materials for place in _find_places(material, quoted)):
        places.add(place)
        if len(places) > 1:
            return None
    return places.pop() if places else None


def _find_places(material: Material, quoted: Sequence[str]) -> Iterable[tuple[int, int]]:
    lines, size = material.flat_lines, len(quoted)
    for start in range(len(lines) - size + 1):
        if all(quote in lines[start + number] for number, quote in enumerate(quoted)):
            yield material.start_line + start, material.start_line + start + size - 1


def _words(text: str) -> str:
    return " ".join(text.split())
