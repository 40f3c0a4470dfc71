"""Which files of a tree are fetched: decided from the listing, before anything is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kova.shared.code_source import FetchLimits, TreeFile
from kova.shared.skipped import Skipped


def select_files(
    files: Iterable[TreeFile], handles: Callable[[str], bool], limits: FetchLimits
) -> tuple[list[TreeFile], list[Skipped]]:
    """Return the files to fetch and those left out, with the reason.

    Files that no analyser handles are in neither list.
    """
    selected: list[TreeFile] = []
    skipped: list[Skipped] = []
    total = 0
    for file in sorted(files, key=lambda file: file.path):
        if not handles(file.path):
            continue
        reason = _reason_to_skip(file, limits, len(selected), total)
        if reason:
            skipped.append(Skipped(path=file.path, reason=reason))
        else:
            selected.append(file)
            total += file.size
    return selected, skipped


def _reason_to_skip(file: TreeFile, limits: FetchLimits, count: int, total: int) -> str | None:
    if file.path.count("/") >= limits.depth:
        return "too_deep"
    if file.size > limits.file_bytes:
        return "too_large"
    if count >= limits.files:
        return "too_many_files"
    if total + file.size > limits.total_bytes:
        return "total_size_limit"
    return None
