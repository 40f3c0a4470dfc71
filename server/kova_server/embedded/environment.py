"""DIR/kova.env: every setting in force as KEY=VALUE."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


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
    for line in path.read_text().splitlines():
        key, mark, value = line.partition("=")
        if mark and not key.startswith("#"):
            variables[key] = _plain(value)
    return variables


def _quoted(value: str) -> str:
    if not any(one in value for one in '\n"\\ #$`'):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _plain(value: str) -> str:
    if not (len(value) > 1 and value[0] == value[-1] == '"'):
        return value
    plain: list[str] = []
    rest = iter(value[1:-1])
    for one in rest:
        if one != "\\":
            plain.append(one)
            continue
        escaped = next(rest, "")
        plain.append("\n" if escaped == "n" else escaped)
    return "".join(plain)
