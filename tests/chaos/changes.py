"""Changes of a repository's files, at random: what a commit of somebody's would bring."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from tests.chaos.samples import SampleState, samples
from tests.chaos.world import Files

_PATHS: Final = ("a.py", "b.py", "c.py", "pkg/d.py", "e.json")
SETTINGS: Final = ".kova.toml"
_AGAIN: Final = "0"
"""A note of its own makes a file that was never analysed; this one comes again and again."""


def first_files(chance: random.Random, step: int, *, fixes: bool) -> Files:
    """Return the files of a new repository; without `fixes`, its settings say so."""
    files: Files = {}
    if not fixes:
        files[SETTINGS] = SampleState(sample="settings", note=_AGAIN)
    for path in chance.sample(_PATHS, 2):
        files[path] = _state(chance, path, step)
    return files


def change_files(chance: random.Random, files: Mapping[str, SampleState], step: int) -> Files:
    """Return files after one or two changes; never none at all."""
    changed = dict(files)
    for _ in range(chance.choice((1, 1, 2))):
        kind = chance.random()
        paths = sorted(changed.keys() - {SETTINGS})
        path = chance.choice(paths)
        if kind < 0.1 and len(paths) > 1:
            del changed[path]
        elif kind < 0.2:
            _rename(chance, changed, path)
        else:
            path = chance.choice(_PATHS)
            changed[path] = _state(chance, path, step)
    return changed


def write_and_delete(
    before: Mapping[str, SampleState], after: Mapping[str, SampleState]
) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that a commit writes, and the paths that it deletes."""
    writes = {path: state.content for path, state in after.items() if before.get(path) != state}
    return writes, sorted(before.keys() - after.keys())


def merge_files(
    base: Mapping[str, SampleState],
    head: Mapping[str, SampleState],
    target: Mapping[str, SampleState],
) -> Files | None:
    """Return the target with what changed from base to head; None where both changed a file."""
    merged = dict(target)
    for path in base.keys() | head.keys():
        if base.get(path) == head.get(path):
            continue
        if target.get(path) != base.get(path):
            return None
        if path in head:
            merged[path] = head[path]
        else:
            merged.pop(path)
    return merged or None


def _rename(chance: random.Random, files: Files, path: str) -> None:
    suffix = path.rpartition(".")[2]
    free = [name for name in _PATHS if name.endswith(suffix) and name not in files]
    if free:
        files[chance.choice(free)] = files.pop(path)


def _state(chance: random.Random, path: str, step: int) -> SampleState:
    fitting = [name for name, sample in samples().items() if path.endswith(sample.suffix)]
    note = _AGAIN if chance.random() < 0.7 else str(step)
    return SampleState(sample=chance.choice(fitting), note=note)
