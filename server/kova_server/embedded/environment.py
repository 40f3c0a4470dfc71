"""DIR/kova.env: every setting in force as KEY=VALUE."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# What a shell, too, reads as it stands.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./?-]*")
_NAMES: Final = {"n": "\n", "r": "\r"}


def write_environment(path: Path, variables: Mapping[str, str]) -> None:
    """Write the file, readable by its owner alone, all at once."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        for key in sorted(variables):
            file.write(f"{key}={_quoted(variables[key])}\n")
    temporary.replace(path)


def read_environment(path: Path) -> dict[str, str]:
    """Read what write_environment wrote."""
    variables: dict[str, str] = {}
    for line in path.read_text().split("\n"):
        key, mark, value = line.partition("=")
        if mark and not key.startswith("#"):
            variables[key] = _plain(value)
    return variables


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = re.sub(r'(["\\$`])', r"\\\1", value)
    for one, name in _NAMES.items():
        escaped = escaped.replace(name, f"\\{one}")
    return f'"{escaped}"'


def _plain(value: str) -> str:
    if not (len(value) > 1 and value[0] == value[-1] == '"'):
        return value
    return re.sub(
        r"\\(.)", lambda found: _NAMES.get(found[1], found[1]), value[1:-1], flags=re.DOTALL
    )
