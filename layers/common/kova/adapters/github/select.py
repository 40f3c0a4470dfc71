"""What a fetch takes and what it leaves, decided from the tree alone."""

from __future__ import annotations

from collections.abc import Iterable

from kova.adapters.github.paths import depth
from kova.shared.code_source import FetchLimits, TreeFile
from kova.shared.skipped import Skipped


def select(
    files: Iterable[TreeFile], limits: FetchLimits
) -> tuple[tuple[TreeFile, ...], tuple[Skipped, ...]]:
    """Split files into those within the limits and those left out, each with the reason.

    The order is kept and decides who comes first; a file that alone is over the total leaves room
    for smaller ones after it.
    """
    selected: list[TreeFile] = []
    skipped: list[Skipped] = []
    total = 0
    for file in files:
        if depth(file.path) > limits.depth:
            reason = "too_deep"
        elif file.size > limits.file_bytes:
            reason = "too_large"
        elif len(selected) >= limits.files:
            reason = "too_many_files"
        elif total + file.size > limits.total_bytes:
            reason = "total_size_limit"
        else:
            selected.append(file)
            total += file.size
            continue
        skipped.append(Skipped(path=file.path, reason=reason))
    return tuple(selected), tuple(skipped)
