"""docs/github-app.md lists the permissions and events that the table of the code has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from kova.setup.app_needs import EVENTS, PERMISSIONS

PAGE: Final = Path("docs/github-app.md")
_PART: Final = re.compile(r"(<!-- made by `make export` -->\n).*?(<!-- end -->)", re.DOTALL)
_PICTURE: Final = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
_MOST_PICTURE_BYTES: Final = 120_000


def render() -> str:
    """Return the page with its tables made anew."""
    rows = ["| permission | access | why |", "| --- | --- | --- |"]
    rows += [f"| `{each.name}` | {each.access} | {each.reason} |" for each in PERMISSIONS]
    rows += ["", "| event | why |", "| --- | --- |"]
    rows += [f"| `{event.name}` | {event.reason} |" for event in EVENTS]
    tables = "\n".join(rows)
    return _PART.sub(lambda match: f"{match[1]}{tables}\n{match[2]}", PAGE.read_text())


def check_github_app() -> list[str]:
    """Return what is wrong with the page: its tables, or a picture."""
    text = PAGE.read_text()
    problems = [] if text == render() else [f"{PAGE} has drifted: run `make export`"]
    if not _PART.search(text):
        problems.append(f"{PAGE} has no part that is made from the code")
    for name in _PICTURE.findall(text):
        picture = PAGE.parent / name
        if not picture.exists() or picture.stat().st_size > _MOST_PICTURE_BYTES:
            problems.append(f"{picture} is missing or larger than {_MOST_PICTURE_BYTES} bytes")
    return problems
