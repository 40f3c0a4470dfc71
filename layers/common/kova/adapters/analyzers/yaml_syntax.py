"""YAML's syntax for the proof: what an edit of a workflow may not take away."""

from __future__ import annotations

from typing import Final

import yaml

from kova.adapters.analyzers.syntax_readers.yaml_reader import events
from kova.fixes.outline import Outline

_DEEPEST: Final = 2  # `jobs.build`: what other files and branch rules refer to.


def outline_yaml(text: str) -> Outline | None:
    """Return the keys of the first two levels as definitions; None when it does not parse."""
    definitions: dict[str, tuple[str, ...]] = {}
    try:
        for event, stack, is_key in events(text):
            if is_key and isinstance(event, yaml.ScalarEvent):
                stack[-1].key = event.value
                if len(stack) <= _DEEPEST:
                    definitions[".".join(level.key for level in stack)] = ()
    except yaml.YAMLError:
        return None
    return Outline(definitions=definitions, names=frozenset(), imports=frozenset())
