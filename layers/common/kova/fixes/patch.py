"""Apply a unified diff of our own making, exactly or not at all."""

from __future__ import annotations

import re
from typing import Final

_HUNK: Final = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
_NO_NEWLINE: Final = "\\ No newline at end of file"


class PatchError(ValueError):
    """The patch does not fit the text."""


def apply_patch(text: str, patch: str) -> str:
    """Return the text with a patch of one file applied (fixes/proof.py, unified_diff).

    Raises:
        PatchError: a line that the patch keeps or removes is another one in the text.
    """
    lines = _lines(text)
    result: list[str] = []
    position = 0
    body = _lines(patch)
    index = next((number for number, line in enumerate(body) if line.startswith("@@")), len(body))
    while index < len(body):
        match = _HUNK.match(body[index])
        if match is None:
            raise PatchError("The patch is malformed.")
        # A hunk that only adds names the line before it.
        start = int(match[1]) - (0 if match[2] == "0" else 1)
        if not position <= start <= len(lines):
            raise PatchError("The patch lies outside of the file.")
        result += lines[position:start]
        position, index = _hunk(lines, body, start, index + 1, result)
    return "".join(result + lines[position:])


def _hunk(
    lines: list[str], body: list[str], position: int, index: int, result: list[str]
) -> tuple[int, int]:
    while index < len(body) and not body[index].startswith("@@"):
        line = body[index]
        index += 1
        if index < len(body) and body[index].startswith(_NO_NEWLINE):
            line = line[:-1]
            index += 1
        kind, content = line[:1], line[1:]
        if kind in {" ", "-"}:
            if position >= len(lines) or lines[position] != content:
                raise PatchError(f"Line {position + 1} is another one.")
            position += 1
        if kind in {" ", "+"}:
            result.append(content)
        if kind not in {" ", "-", "+"}:
            raise PatchError("The patch is malformed.")
    return position, index


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)
