"""Tells what was set from outside from what an earlier stack chose.

README lets a shell read kova.env. What the stack itself had chosen is then in the environment of
the next `kova up` of that shell, and must not count as an address of somebody else's service.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from kova.bootstrap.settings import set_variables

CHOSEN: Final = "KOVA_CHOSEN_BY_UP"
"""In kova.env: NAME=DIGEST of each value that the stack chose, with commas between them."""
_OWN: Final = ("KOVA_", "AWS_", "OPENAI_", "ANTHROPIC_", "PINECONE_", "SLACK_", "GOOGLE_")


def read_outside(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what a stack had chosen, and without blank settings."""
    marks = (mark.partition("=") for mark in environment.get(CHOSEN, "").split(","))
    chosen = {name: digest for name, _, digest in marks}
    filled = set_variables(environment)
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_OWN)
        or (name in filled and name != CHOSEN and chosen.get(name) != _digest(value))
    }


def own_settings(settings: Mapping[str, str], outside: Mapping[str, str]) -> dict[str, str]:
    """Return the settings for kova.env, with the mark of those that the stack chose."""
    own = {name: value for name, value in settings.items() if name.startswith(_OWN)}
    marks = [
        f"{name}={_digest(value)}"
        for name, value in sorted(own.items())
        if outside.get(name) != value
    ]
    return {**own, CHOSEN: ",".join(marks)}


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:16]
