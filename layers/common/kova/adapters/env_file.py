"""Reads and writes files of settings as KEY=VALUE, such as DIR/kova.env."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# A shell reads these characters unquoted.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./?-]*")
_ESCAPES: Final = {"n": "\n", "r": "\r"}


def write_environment(path: Path, variables: Mapping[str, str]) -> None:
    """Write the file atomically, readable by its owner only."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(env_lines(variables))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def env_lines(variables: Mapping[str, str]) -> str:
    """Return the variables as lines that a shell and Docker Compose read."""
    return "".join(f"{key}={_quote(variables[key])}\n" for key in sorted(variables))


def read_environment(path: Path) -> dict[str, str]:
    """Return the variables of a file that write_environment wrote."""
    variables: dict[str, str] = {}
    for line in path.read_text().split("\n"):
        key, mark, value = line.partition("=")
        if mark and not key.startswith("#"):
            variables[key] = _unquote(value)
    return variables


def _quote(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = re.sub(r'(["\\$`])', r"\\\1", value)
    for letter, character in _ESCAPES.items():
        escaped = escaped.replace(character, f"\\{letter}")
    return f'"{escaped}"'


def _unquote(value: str) -> str:
    if not (len(value) > 1 and value[0] == value[-1] == '"'):
        return value
    return re.sub(
        r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), value[1:-1], flags=re.DOTALL
    )
