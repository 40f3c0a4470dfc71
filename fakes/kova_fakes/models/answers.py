"""The default answer of a fake model: a plain one about the lines that it was shown."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

_FILE = re.compile(r'^<material id="[^"]*" kind="([a-z_]+)" name="([^"]*)"', re.MULTILINE)
_LINE = re.compile(r"^ *(\d+)\|([+ ])(.*)$")


@dataclass(frozen=True, kw_only=True)
class ShownLine:
    """A numbered line of the request; `changed` when it is marked so."""

    path: str
    number: int
    text: str
    changed: bool


def tokens(text: str) -> int:
    """Return roughly how many tokens a text has."""
    return max(1, math.ceil(len(text) / 4))


def shown_lines(prompt: str) -> list[ShownLine]:
    """Return the numbered lines that a prompt shows, with the file that they stand in."""
    lines: list[ShownLine] = []
    path: str | None = None
    for line in prompt.split("\n"):
        head = _FILE.match(line)
        if head:
            path = json.loads(f'"{head[2]}"') if head[1] in {"file", "code", "change"} else None
        elif line.startswith("</material"):
            path = None
        elif path is not None and (match := _LINE.match(line)):
            lines.append(
                ShownLine(path=path, number=int(match[1]), text=match[3], changed=match[2] == "+")
            )
    return lines


def answer(prompt: str, schema: dict[str, Any] | None) -> str:
    """Return the answer: JSON if there is a schema, otherwise text."""
    lines = [line for line in shown_lines(prompt) if line.text.strip()]
    if schema is None:
        return f"I was shown {len(lines)} lines."
    if "findings" in schema.get("properties", {}):
        return json.dumps(_review_answer([line for line in lines if line.changed]))
    return json.dumps(_plain_answer(lines))


def _plain_answer(lines: list[ShownLine]) -> dict[str, Any]:
    if not lines:
        return {"answer": "No code was given with the question.", "citations": []}
    first = next((line for line in lines if line.text.lstrip().startswith("def ")), lines[0])
    return {
        "answer": f"The code in `{first.path}` begins at line {first.number} with "
        f"`{first.text.strip()}`.",
        "citations": [_place(first)],
    }


def _review_answer(lines: list[ShownLine]) -> dict[str, Any]:
    findings = [
        {**_place(line), "severity": "low", "message": "Look at this line once more."}
        for line in lines[:1]
    ]
    return {"answer": f"{len(lines)} lines changed.", "findings": findings}


def _place(line: ShownLine) -> dict[str, Any]:
    return {
        "path": line.path,
        "start_line": line.number,
        "end_line": line.number,
        "quote": line.text.strip(),
    }
