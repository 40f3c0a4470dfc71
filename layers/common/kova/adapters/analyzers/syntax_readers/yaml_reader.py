"""YAML by libyaml's events: no object is made, no alias is followed, so no bomb can go off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from kova.adapters.analyzers.serving import Hit


@dataclass(kw_only=True)
class MappingLevel:
    """A mapping (with the keys seen) or a sequence that is open. `key` is the one just read."""

    mapping: bool
    keys: set[str] = field(default_factory=set)
    expects_key: bool = True
    key: str = ""


def check_yaml(path: str, text: str) -> Iterator[Hit]:
    """Yield the first error of syntax, or every key that stands twice."""
    del path
    try:
        yield from _find_duplicates(text)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = (exc.problem or "it cannot be read").rstrip(".")
        yield Hit(
            rule="invalid-yaml",
            start=(line, column),
            end=(line, column + 1),
            message=f"This is not YAML: {problem}.",
        )
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, int(exc.position)) + 1
        yield Hit(
            rule="invalid-yaml",
            start=(line, 1),
            end=(line, 2),
            message="This is not YAML: it holds a character that YAML forbids.",
        )


def events(text: str) -> Iterator[tuple[yaml.Event, list[MappingLevel], bool]]:
    """Yield events with the open levels and whether a scalar is a key.

    Raises:
        yaml.YAMLError: it is not YAML, or nests deeper than libyaml follows (1,000).
    """
    stack: list[MappingLevel] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            stack.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        top = stack[-1] if stack else None
        is_key = top is not None and top.mapping and top.expects_key
        if top is not None and top.mapping:
            top.expects_key = not top.expects_key
        yield event, stack, is_key
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            stack.append(MappingLevel(mapping=isinstance(event, yaml.MappingStartEvent)))


def _find_duplicates(text: str) -> Iterator[Hit]:
    for event, stack, is_key in events(text):
        if not is_key or not isinstance(event, yaml.ScalarEvent):
            continue
        level = stack[-1]
        if event.value in level.keys and event.value != "<<":
            start, end = event.start_mark, event.end_mark
            assert start is not None
            assert end is not None
            yield Hit(
                rule="duplicate-key",
                start=(start.line + 1, start.column + 1),
                end=(end.line + 1, end.column + 1),
                message=f"The key {event.value!r} stands twice: its first value is lost.",
            )
        level.keys.add(event.value)
