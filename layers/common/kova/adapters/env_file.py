"""Reads and writes files of settings as KEY=VALUE, such as DIR/kova.env."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kova.adapters.private_file import write_privately
from kova.shared.exceptions import NotConfiguredError

# A shell reads these characters unquoted.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./?-]*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES: Final = {"n": "\n", "r": "\r"}


class EnvironmentFileError(NotConfiguredError):
    """A file of settings is damaged."""

    reason = "bad_environment_file"


def write_environment(path: Path, variables: Mapping[str, str]) -> None:
    """Write the file atomically, readable by its owner only."""
    write_privately(path, env_lines(variables).encode("utf-8", "surrogateescape"))


def env_lines(variables: Mapping[str, str]) -> str:
    """Return the variables as lines that a shell and Docker Compose read."""
    return "".join(f"{key}={_quote(variables[key])}\n" for key in sorted(variables))


def read_environment(path: Path) -> dict[str, str]:
    """Return the variables of a file that write_environment wrote.

    Raises:
        EnvironmentFileError: it holds what no environment can hold.
    """
    content = path.read_bytes()
    if b"\0" in content:
        raise EnvironmentFileError(f"{path} is damaged: `kova up` writes it anew.")
    variables: dict[str, str] = {}
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        key, mark, value = line.partition("=")
        if mark and _NAME.fullmatch(key):
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
