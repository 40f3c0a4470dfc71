"""Where a SARIF location lies in the repository (SARIF 2.1.0, sections 3.4, 3.14.14 and 3.23).

Tools write paths of the machine that they ran on. Such a path is taken where a root of the
repository on that machine is known: from the caller, or from the run itself. Nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from kova.shared.json_text import as_index, as_list, as_object, as_text

PATH_LIMIT: Final = 1_000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_DRIVE: Final = re.compile(r"/?([A-Za-z]):(?=[\\/]|$)")
_HIDDEN_SEPARATOR: Final = re.compile(r"%(2f|5c)", re.IGNORECASE)
# What tools call the root of the checkout: without others that they list (a home, a toolchain).
_ROOT_NAMES: Final = frozenset({"SRCROOT", "PROJECTROOT", "CHECKOUTROOT", "REPOROOT", "ROOTPATH"})
_WEB: Final = ("https://", "http://")
_DEEPEST_BASE: Final = 10
MOST_ROOTS: Final = 20
"""Each absolute address is looked for below each root, and a log may name a hundred thousand."""


@dataclass(frozen=True, kw_only=True)
class SarifPlace:
    """A path in parts. `root` is `/` or a drive (`c:`), and empty in the repository itself."""

    root: str
    names: tuple[str, ...]

    def below(self, folder: SarifPlace) -> SarifPlace | None:
        """Return the place inside of a folder as a path in the repository, else None."""
        count = len(folder.names)
        top = SarifPlace(root=self.root, names=self.names[:count])
        if self.root != folder.root or top._compared() != folder._compared():
            return None
        return SarifPlace(root="", names=self.names[count:])

    @property
    def is_short(self) -> bool:
        """Whether a path below it can be one of the repository."""
        return sum(map(len, self.names)) + len(self.names) <= 3 * PATH_LIMIT

    def join(self, other: SarifPlace) -> SarifPlace:
        """Return another place, seen from this folder."""
        return other if other.root else SarifPlace(root=self.root, names=self.names + other.names)

    def _compared(self) -> tuple[str, ...]:
        """Windows does not tell capital letters from small ones."""
        return tuple(map(str.casefold, self.names)) if self.root.endswith(":") else self.names


REPOSITORY: Final = SarifPlace(root="", names=())


class SarifPlaces:
    """The addresses of one run."""

    def __init__(self, run: dict[str, Any], checkouts: Sequence[str]) -> None:
        """Read the bases and the artifacts of a run.

        Args:
            run: the run.
            checkouts: `file:` addresses or paths of the repository where the tool ran.
        """
        self._bases = as_object(run.get("originalUriBaseIds"))
        self._artifacts = [as_object(artifact) for artifact in as_list(run.get("artifacts"))]
        # Thousands of results share a base and a file: each is read once.
        self._folders_by_name: dict[str, SarifPlace | None] = {}
        self._paths: dict[tuple[str, str], str | None] = {}
        places = [place for text in checkouts if (place := _read_checkout(text))]
        self._roots = [*_roots(places), *self._roots_of(run)]

    def path(self, location: dict[str, Any]) -> str | None:
        """Return a location's path in the repository; None when it is not in it."""
        index = as_index(location.get("index"), len(self._artifacts))
        if not location.get("uri") and index is not None:
            location = as_object(self._artifacts[index].get("location"))
        key = as_text(location.get("uri")), as_text(location.get("uriBaseId"))
        if key not in self._paths:
            self._paths[key] = self._find_path(location)
        return self._paths[key]

    def _find_path(self, location: dict[str, Any]) -> str | None:
        uri = as_text(location.get("uri"))
        place = self._resolve(location) if uri and not uri.endswith("/") else None
        if place is not None and place.root:
            inside = (place.below(root) for root in self._roots)
            place = next((part for part in inside if part is not None), None)
        if place is None or ".." in place.names:
            return None
        path = "/".join(place.names)
        return path if 0 < len(path) <= PATH_LIMIT else None

    def targets(self) -> frozenset[str] | None:
        """Return the files that the run calls its targets; None when it names none."""
        targets = [
            artifact
            for artifact in self._artifacts
            if "analysisTarget" in as_list(artifact.get("roles"))
        ]
        paths = {self.path(as_object(artifact.get("location"))) for artifact in targets}
        return frozenset(path for path in paths if path) if targets else None

    def _resolve(self, location: dict[str, Any]) -> SarifPlace | None:
        """Return a location with its bases before it; None where one leads nowhere."""
        return self._resolve_below(location, 0)

    def _resolve_below(self, location: dict[str, Any], depth: int) -> SarifPlace | None:
        place = _read_folder(location)
        name = as_text(location.get("uriBaseId"))
        if place is None or place.root or not name:
            return place
        if name not in self._folders_by_name:
            if depth >= _DEEPEST_BASE:
                return None
            base = self._resolve_below(as_object(self._bases.get(name)), depth + 1)
            self._folders_by_name[name] = base if base and base.is_short else None
        base = self._folders_by_name[name]
        return _without_dots(base.join(place)) if base else None

    def _roots_of(self, run: dict[str, Any]) -> list[SarifPlace]:
        """Return the roots that the run tells, by the first of its ways that names any."""
        provenance = [as_object(part) for part in as_list(run.get("versionControlProvenance"))]
        mapped = self._folders([as_object(part.get("mappedTo")) for part in provenance])
        tops = {
            name: as_object(base)
            for name, base in self._bases.items()
            if not as_object(base).get("uriBaseId")
        }
        usual = [base for name, base in tops.items() if name.strip("%").upper() in _ROOT_NAMES]
        absolute = self._folders(list(tops.values()))
        alone = absolute if len(absolute) == 1 else []
        invocations = [as_object(part) for part in as_list(run.get("invocations"))]
        working = self._folders([as_object(part.get("workingDirectory")) for part in invocations])
        return mapped or self._folders(usual) or alone or working

    def _folders(self, locations: Sequence[dict[str, Any]]) -> list[SarifPlace]:
        return _roots([place for location in locations if (place := self._resolve(location))])


def _roots(places: Sequence[SarifPlace]) -> list[SarifPlace]:
    """Return absolute folders; the root of a machine would place every file in the repository."""
    roots = dict.fromkeys(place for place in places if place.root and place.names)
    return list(roots)[:MOST_ROOTS]


def _read_folder(location: dict[str, Any]) -> SarifPlace | None:
    """Return what a location names by itself: without a path of a machine, the repository."""
    uri = as_text(location.get("uri"))
    return read_place(uri) if uri and not uri.startswith(_WEB) else REPOSITORY


def _read_checkout(text: str) -> SarifPlace | None:
    """Return what a `file:` address names, or a path, in which `#`, `?` and `%` mean themselves."""
    is_path = text.startswith("/") and len(text) <= 3 * PATH_LIMIT
    return _place("/", text) if is_path else read_place(text)


def read_place(uri: str) -> SarifPlace | None:
    """Return what a `file:` address, a path of Windows or of Unix, or a relative one names.

    None for everything else, and for what leads above the root of a machine.
    """
    if len(uri) > 3 * PATH_LIMIT or _HIDDEN_SEPARATOR.search(uri):
        return None
    if drive := _DRIVE.match(uri):
        return _place(f"{drive[1].lower()}:", uri[drive.end() :].replace("\\", "/"))
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
        return None
    path = unquote(parts.path, errors="replace")
    if parts.scheme and (drive := _DRIVE.match(path)):
        return _place(f"{drive[1].lower()}:", path[drive.end() :].replace("\\", "/"))
    if path.startswith("/"):
        return _place("/", path)
    return None if parts.scheme or parts.netloc else _relative(path)


def _relative(path: str) -> SarifPlace | None:
    # A tool on Windows; where both kinds stand, a name of Unix may hold the other one.
    path = path.replace("\\", "/") if "/" not in path else path
    return _place("", path) if path else None


def _place(root: str, path: str) -> SarifPlace | None:
    if _CONTROL.search(path) or "\\" in path or path.startswith("//"):
        return None
    names = path.strip("/").split("/")
    if "" in names and names != [""]:
        return None
    return _without_dots(SarifPlace(root=root, names=tuple(name for name in names if name)))


def _without_dots(place: SarifPlace) -> SarifPlace | None:
    """Return a place without `.` and `..`; None where it leads above its root.

    A relative one keeps those that it begins with: they count in the base that it stands below.
    """
    names: list[str] = []
    for name in place.names:
        if name == ".." and names and names[-1] != "..":
            names.pop()
        elif name == ".." and place.root:
            return None
        elif name != ".":
            names.append(name)
    return SarifPlace(root=place.root, names=tuple(names))
