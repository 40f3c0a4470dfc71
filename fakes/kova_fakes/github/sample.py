"""The repository for whoever has none yet: a small one with mistakes, some with a proved fix."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class SampleRepository:
    """A repository's name and its files by path."""

    full_name: str
    files: dict[str, bytes]


def read_sample() -> SampleRepository:
    """Return the sample."""
    content = tomllib.loads((files("kova_fakes.github") / "sample.toml").read_text())
    return SampleRepository(
        full_name=content["full_name"],
        files={path: text.lstrip("\n").encode() for path, text in content["files"].items()},
    )
