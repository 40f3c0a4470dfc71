"""The folder in which a tool runs, and how its paths and byte offsets are read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kova.adapters.analyzers.places import Places

_MOST_PLACES: Final = 4
"""Tools report file after file: no more are needed, and each may take megabytes."""


class ToolWorkspace:
    """The folder in which a tool runs, and the positions in its files."""

    def __init__(self, folder: Path, paths: Mapping[str, str] | None = None) -> None:
        """`paths`: the repository's path by its name in the folder, where the two differ."""
        self.folder = folder.resolve()
        self._paths = paths or {}
        self._names = {path: name for name, path in self._paths.items()}
        self._places: dict[str, Places] = {}

    def path(self, name: str) -> str:
        """Return the repository's path for a path that the tool reports.

        Raises:
            ValueError: it lies outside of the folder.
        """
        inside = (self.folder / name).relative_to(self.folder).as_posix()
        if self._paths and inside not in self._paths:
            raise ValueError(inside)
        return self._paths.get(inside, inside)

    def places(self, path: str) -> Places:
        """Return the places of a file."""
        if path not in self._places:
            if len(self._places) >= _MOST_PLACES:
                del self._places[next(iter(self._places))]
            file = self.folder / self._names.get(path, path)
            self._places[path] = Places(file.read_bytes())
        return self._places[path]
